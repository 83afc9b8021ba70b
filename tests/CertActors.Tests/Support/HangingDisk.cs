namespace CertActors.Tests.Support;

/// <summary>Runs disk work at once, on the thread that asks for it, until it is told to hang. For one thread.</summary>
internal sealed class HangingDisk : TaskScheduler
{
    private readonly Queue<Task> _waiting = new();

    public bool Hangs { get; set; }

    public int Waiting => _waiting.Count;

    /// <summary>Lets all that waits run.</summary>
    public void Release()
    {
        Hangs = false;
        while (_waiting.TryDequeue(out var task))
            Run(task);
    }

    /// <summary>Lets what waits now run; what that starts waits in its turn.</summary>
    public void RunWaiting()
    {
        for (var count = _waiting.Count; count > 0; count--)
            Run(_waiting.Dequeue());
    }

    protected override void QueueTask(Task task)
    {
        if (Hangs)
            _waiting.Enqueue(task);
        else
            Run(task);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [.. _waiting];

    private void Run(Task task)
    {
        // What waits for a call is told at once, as by a disk's thread, instead of by way of xunit's context.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        TryExecuteTask(task);
        SynchronizationContext.SetSynchronizationContext(context);
    }
}
