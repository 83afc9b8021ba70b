using CertActors.Disk;

namespace CertActors.Tests.Support;

/// <summary>How files and links can be laid out, and a path to one of them.</summary>
/// <param name="Name">The name that the test shows.</param>
/// <param name="Entries">"path" is a file, "path/" a directory, "path -> target" a link.</param>
/// <param name="Path">The path that is walked.</param>
/// <param name="Steps">Its steps as "directory:name", the last with "!" where the file is; null where the walk fails.</param>
public sealed record Layout(string Name, string[] Entries, string Path, string[]? Steps)
{
    private const int MaxLinks = 40;

    /// <summary>All that are tried.</summary>
    public static IReadOnlyList<Layout> All { get; } =
    [
        new("flat", ["/certs/tls.crt"], "/certs/tls.crt", ["/:certs", "/certs:tls.crt!"]),
        new(
            "Kubernetes",
            ["/certs/..v1/tls.crt", "/certs/..data -> ..v1", "/certs/tls.crt -> ..data/tls.crt"],
            "/certs/tls.crt",
            ["/:certs", "/certs:tls.crt", "/certs:..data", "/certs:..v1", "/certs/..v1:tls.crt!"]),
        new(
            "certbot",
            ["/archive/a/cert1.pem", "/live/a/cert.pem -> ../../archive/a/cert1.pem"],
            "/live/a/cert.pem",
            ["/:live", "/live:a", "/live/a:cert.pem", "/:archive", "/archive:a", "/archive/a:cert1.pem!"]),
        new(
            "linked parent, absolute",
            ["/mnt/tls/tls.crt", "/etc/tls -> /mnt/tls"],
            "/etc/tls/tls.crt",
            ["/:etc", "/etc:tls", "/:mnt", "/mnt:tls", "/mnt/tls:tls.crt!"]),
        new(
            "linked parent, relative",
            ["/v1/tls.crt", "/current -> v1/"],
            "/current/tls.crt",
            ["/:current", "/:v1", "/v1:tls.crt!"]),
        new(
            "link to link to link",
            ["/c", "/b -> ./c", "/a/x -> ..//b"],
            "/a/x",
            ["/:a", "/a:x", "/:b", "/:c!"]),
        new("dangling", ["/certs/tls.crt -> nowhere/x"], "/certs/tls.crt", ["/:certs", "/certs:tls.crt", "/certs:nowhere"]),
        new("missing file", ["/certs/"], "/certs/tls.crt", ["/:certs", "/certs:tls.crt"]),
        new("missing directories", ["/a/"], "/a/b/c/d", ["/:a", "/a:b"]),
        new("a file for a directory", ["/a"], "/a/b", ["/:a"]),
        new("a directory for a file", ["/a/b/"], "/a/b", ["/:a", "/a:b!"]),
        new("looping", ["/a -> b", "/b -> a"], "/a", Steps: null),
        new("a link to itself", ["/a/x -> x"], "/a/x", Steps: null),
        new("40 links", [.. Links(MaxLinks), "/end"], "/0", [.. Enumerable.Range(0, MaxLinks).Select(i => $"/:{i}"), "/:end!"]),
        new("41 links", [.. Links(MaxLinks + 1), "/end"], "/0", Steps: null),
    ];

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Makes the entries, and the directories above them.</summary>
    internal void Make(IFileChanges files)
    {
        foreach (var entry in Entries)
        {
            var (path, target) = entry.Split(" -> ") is [var from, var to] ? (from, to) : (entry, null);
            for (var end = path.IndexOf('/', 1); end > 0; end = path.IndexOf('/', end + 1))
                files.MakeDirectory(path[..end]);
            if (target is not null)
                files.Link(path, target);
            else if (path[^1] != '/')
                files.Write(path, "x");
        }
    }

    /// <summary>The steps of a walk as <see cref="Steps"/> has them, without those above the root.</summary>
    internal static string[] StepsOf(PathSnapshot seen, string root)
    {
        string[] steps =
        [
            .. seen.Steps
                .Where(step => root.Length == 0 || step.Directory == root || step.Directory.StartsWith(root + "/", StringComparison.Ordinal))
                .Select(step => $"{(step.Directory == root ? "/" : step.Directory[root.Length..])}:{step.Name}"),
        ];
        if (seen.End is not null)
            steps[^1] += "!";
        return steps;
    }

    private static IEnumerable<string> Links(int count) =>
        Enumerable.Range(0, count).Select(i => $"/{i} -> {(i + 1 < count ? $"{i + 1}" : "end")}");
}
