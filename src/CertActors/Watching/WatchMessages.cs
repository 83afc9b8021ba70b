using Akka.Actor;
using Akka.Event;
using CertActors.Disk;
using CertActors.Watching.Sources;

namespace CertActors.Watching;

/// <summary>To <see cref="FileWatchActor"/>: something happened at a path step. At most one event of a step waits to be acknowledged.</summary>
/// <param name="Watches">The table that it comes from: events of a table that was closed may still arrive.</param>
/// <param name="Step">The step; null if <paramref name="Kind"/> concerns all steps.</param>
/// <param name="Kind">What happened.</param>
internal sealed record FileEvent(WatchTable Watches, WatchedStep? Step, FileEventKind Kind)
    : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public string Path => Step is null ? "every watched directory" : System.IO.Path.Combine(Step.Directory.Path, Step.Name);

    public override string ToString() => $"{nameof(FileEvent)} {Kind} {Path}";
}

/// <summary>To <see cref="FileWatchActor"/>: watch these files from now on.</summary>
internal sealed record AddFiles(WatchedFiles Files) : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => nameof(AddFiles);
}

/// <summary>To <see cref="FileWatchActor"/>: stop watching these files.</summary>
internal sealed record RemoveFiles(string Name) : IDeadLetterSuppression;

/// <summary>To <see cref="FileWatchActor"/>: the files were rejected, so that their next poll touches them even if they are unchanged.</summary>
internal sealed record FilesRejected(string Name) : IDeadLetterSuppression;

/// <summary>From <see cref="FileWatchActor"/> to the supervisor: a poll has found these files unchanged. Sent once a minute for each.</summary>
internal sealed record FilesUnchanged(IReadOnlyList<string> Names) : INoSerializationVerificationNeeded, IDeadLetterSuppression
{
    public override string ToString() => nameof(FilesUnchanged);
}

/// <summary>From <see cref="FileWatchActor"/> to the supervisor: how changes of files are noticed from now on.</summary>
internal sealed record FilesWatched(string Name, WatchMode Mode, string Message) : IDeadLetterSuppression;
