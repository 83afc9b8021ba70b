namespace CertActors.Tests.Support;

/// <summary>Runs disk work at once, until it is told to hang.</summary>
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
            TryExecuteTask(task);
    }

    /// <summary>Lets what waits now run; what that starts waits in its turn.</summary>
    public void RunWaiting()
    {
        for (var count = _waiting.Count; count > 0; count--)
            TryExecuteTask(_waiting.Dequeue());
    }

    protected override void QueueTask(Task task)
    {
        if (Hangs)
            _waiting.Enqueue(task);
        else
            TryExecuteTask(task);
    }

    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    protected override IEnumerable<Task> GetScheduledTasks() => [.. _waiting];
}
