using System.Globalization;

namespace CertActors;

/// <summary>A certificate or a trust bundle that a handshake needs has not been loaded.</summary>
public sealed class CertificateNotLoadedException : Exception
{
    // Of thousands of pairs, the rest is only counted in the message.
    private const int MaxNamed = 8;

    /// <param name="missing">The pairs that are not loaded, with why the last load failed. None if no supervisor has the holder.</param>
    /// <param name="cause">The failure that the supervisor has stopped itself for; null if it has not.</param>
    /// <param name="bundles">The trust bundles that are not loaded, with why the last load failed.</param>
    internal CertificateNotLoadedException(
        IEnumerable<(string Name, CertificateReloadFailed? Failure)> missing,
        CertificateReloadFailed? cause,
        params (string Name, TrustBundleReloadFailed? Failure)[] bundles)
        : this([.. Causes(cause).Concat(missing).DistinctBy(pair => pair.Name)], bundles)
    {
    }

    private CertificateNotLoadedException((string Name, CertificateReloadFailed? Failure)[] missing, (string Name, TrustBundleReloadFailed? Failure)[] bundles)
        : this(string.Join(' ', ((string[])[missing.Length > 0 || bundles.Length == 0 ? Describe(missing) : "", Describe(bundles)]).Where(text => text.Length > 0)))
    {
        Missing = [.. missing.Select(pair => pair.Name), .. bundles.Select(bundle => bundle.Name)];
        Failure = missing.Select(pair => pair.Failure).FirstOrDefault(failure => failure is not null);
    }

    private CertificateNotLoadedException(string message)
        : base(message)
    {
    }

    internal static CertificateNotLoadedException Unclaimed(string pair) => new($"Certificate {pair} was not loaded: is the certificate supervisor running?");

    internal static CertificateNotLoadedException OfBundle(string name, TrustBundleReloadFailed? failure) => new(
        $"The trust bundle '{name}' is not loaded: {failure?.Message ?? "no load has failed; does the certificate supervisor run, and have a bundle of this name?"}");

    /// <summary>The names of the pairs, and then of the trust bundles, that are not loaded; empty if no supervisor runs, or it has no such pair.</summary>
    public IReadOnlyList<string> Missing { get; } = [];

    /// <summary>Why the last load failed, of the first pair where it did; null if none has failed, for example because no supervisor runs.</summary>
    public CertificateReloadFailed? Failure { get; }

    internal static CertificateNotLoadedException Unknown(string name, IEnumerable<string> known)
    {
        string[] all = [.. known.Select(pair => $"'{pair}'")];
        return new($"No certificate is named '{name}'; there are {string.Join(", ", all.Take(MaxNamed))}{More(all.Length, " and {0} more")}.");
    }

    internal static CertificateNotLoadedException NoDefault() =>
        new("No certificate is the default, as all are for client authentication alone; wait for one by its name.");

    private static IEnumerable<(string Name, CertificateReloadFailed? Failure)> Causes(CertificateReloadFailed? cause) =>
        cause is null ? [] : [(cause.Name, cause)];

    private static string Describe((string Name, CertificateReloadFailed? Failure)[] missing)
    {
        if (missing.Length == 0)
            return "No certificate was loaded in time, and no load has failed: is the certificate supervisor running?";
        var named = missing.Take(MaxNamed).Select(pair => $"Certificate {pair.Name} was not loaded: {pair.Failure?.Message ?? "no load has ended in time."}");
        return string.Join(' ', named) + More(missing.Length, " {0} more were not loaded.");
    }

    private static string Describe((string Name, TrustBundleReloadFailed? Failure)[] bundles)
    {
        var named = bundles.Take(MaxNamed).Select(bundle => $"Trust bundle {bundle.Name} was not loaded: {bundle.Failure?.Message ?? "no load has ended in time."}");
        return string.Join(' ', named) + More(bundles.Length, " {0} more were not loaded.");
    }

    private static string More(int count, string format) =>
        count > MaxNamed ? string.Format(CultureInfo.InvariantCulture, format, count - MaxNamed) : "";
}
