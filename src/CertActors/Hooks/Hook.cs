namespace CertActors.Hooks;

/// <summary>A hook, with what was read of it once. Compared by reference: how the user's object compares is the user's affair.</summary>
internal sealed class Hook(IRotationHook target, string name, TimeSpan timeLimit)
{
    private static readonly TimeSpan MaxTimeLimit = TimeSpan.FromHours(1);

    public IRotationHook Target => target;

    public string Name => name;

    public TimeSpan TimeLimit => timeLimit;

    /// <exception cref="CertificateOptionsException">A hook is null, or its time limit is out of range.</exception>
    public static IReadOnlyList<Hook> Of(IEnumerable<IRotationHook>? hooks)
    {
        Hook?[] all = [.. (hooks ?? []).Select(hook => hook is null ? null : new Hook(hook, hook.Name, hook.TimeLimit))];
        string[] errors =
        [
            .. all.Where(hook => hook is null).Select(_ => "a rotation hook is null"),
            .. all.OfType<Hook>().Where(hook => hook.TimeLimit <= TimeSpan.Zero || hook.TimeLimit > MaxTimeLimit)
                .Select(hook => $"hook '{hook.Name}': {nameof(TimeLimit)} is {hook.TimeLimit}; set it above 0 and at most to {MaxTimeLimit}"),
        ];
        return errors.Length == 0 ? [.. all.OfType<Hook>()] : throw new CertificateOptionsException(errors);
    }
}
