using System.Collections.Immutable;

namespace CertActors.Disk;

/// <summary>Files that are loaded together: where they are, and how soon a change of them is followed.</summary>
/// <remarks>Watching, debouncing and disk scheduling know what is loaded by this object alone. It is compared by reference, as two with the same paths are still two.</remarks>
/// <param name="name">The name in the options of what is loaded, unique in its supervisor.</param>
/// <param name="paths">The full path of each file, each once.</param>
/// <param name="timing">How soon a change is followed.</param>
internal sealed class WatchedFiles(string name, ImmutableArray<string> paths, ReloadTiming timing)
{
    public string Name { get; } = name;

    public ImmutableArray<string> Paths { get; } = paths;

    public ReloadTiming Timing { get; } = timing;

    /// <summary>The paths, for messages: "a, b and c".</summary>
    public string PathList => ListOf(Paths);

    public static string ListOf(IReadOnlyList<string> paths) =>
        paths.Count == 1 ? paths[0] : $"{string.Join(", ", paths.SkipLast(1))} and {paths[^1]}";
}

/// <summary>How soon a change of files is followed. Each is the option of the same name: see <see cref="CertificateOptions"/>.</summary>
internal sealed record ReloadTiming(
    TimeSpan DebounceWindow, TimeSpan MaxDebounce, TimeSpan PollIntervalWithEvents, TimeSpan PollIntervalWithoutEvents, TimeSpan LoadTimeLimit);
