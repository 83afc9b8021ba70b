namespace CertActors.Disk;

/// <summary>
/// A fixed number of threads for calls that may block: a disk that hangs takes these, never those of a dispatcher or the thread pool, and never more
/// of them. They run as long as the process, and wait without cost while there is nothing to do.
/// </summary>
internal sealed class DiskThreads : TaskScheduler
{
    public const int Count = 8;

    private readonly Action _beforeFirstCall;

    // A monitor, whose waiters sleep at once. Those of a BlockingCollection spin first, eight of them for each call.
    private readonly object _lock = new();
    private readonly Queue<Task> _queue = [];

    /// <param name="beforeFirstCall">What each thread does before its first call. Must not throw.</param>
    public DiskThreads(Action beforeFirstCall)
    {
        _beforeFirstCall = beforeFirstCall;
        for (var i = 1; i <= Count; i++)
            new Thread(Run) { IsBackground = true, Name = $"certificates-disk-{i}" }.Start();
    }

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
        _beforeFirstCall();
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
