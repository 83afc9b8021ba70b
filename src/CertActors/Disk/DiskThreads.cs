using CertActors.Supervision;


namespace CertActors.Disk;

/// <summary>
/// A few threads of our own for what may block: a disk that hangs takes these, never the dispatcher's or the pool's, and never more of them.
/// </summary>
internal sealed class DiskThreads : TaskScheduler
{
    public const int Count = 8;

    private static readonly Lazy<DiskThreads> LazyShared = new(() => new DiskThreads());

    // A monitor, as its waiters sleep at once: those of a BlockingCollection spin first, eight of them for each call.
    private readonly object _lock = new();
    private readonly Queue<Task> _queue = [];

    private DiskThreads()
    {
        for (var i = 1; i <= Count; i++)
            new Thread(Run) { IsBackground = true, Name = $"certificates-disk-{i}" }.Start();
    }

    /// <summary>One set for the process, started when it is first needed; the threads wait without cost while there is nothing to do.</summary>
    public static DiskThreads Shared => LazyShared.Value;

    protected override void QueueTask(Task task)
    {
        lock (_lock)
        {
            _queue.Enqueue(task);
            Monitor.Pulse(_lock);
        }
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks()
    {
        lock (_lock)
            return [.. _queue];
    }

    private void Run()
    {
        Preload.Ensure();
        while (true)
            TryExecuteTask(Next());
    }

    private Task Next()
    {
        lock (_lock)
        {
            while (_queue.Count == 0)
                Monitor.Wait(_lock);
            return _queue.Dequeue();
        }
    }
}
