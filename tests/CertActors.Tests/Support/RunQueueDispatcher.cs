using System.Collections.Concurrent;
using Akka.Configuration;
using Akka.Dispatch;

namespace CertActors.Tests.Support;

/// <summary>Runs actors only when a test calls <see cref="Run"/>, on the thread of that call. Until then, mailboxes with messages wait in a queue.</summary>
/// <remarks>
/// Akka's <see cref="Akka.TestKit.CallingThreadDispatcher"/> runs a receiver within <c>Tell</c>: in the midst of its sender, under the locks that
/// the sender holds, and while a <see cref="Akka.TestKit.TestScheduler"/> walks through its timers, which then loses those that are started.
/// </remarks>
internal sealed class RunQueueDispatcher : MessageDispatcher
{
    // An order of magnitude more than any test needs between two barriers.
    private const int MaxTurns = 1_000_000;

    private readonly ConcurrentQueue<IRunnable> _queue = new();
    private readonly ConcurrentDictionary<int, string> _senders = new();
    private readonly Lock _run = new();
    private volatile bool _isReleased;

    public RunQueueDispatcher(MessageDispatcherConfigurator configurator)
        : base(configurator)
    {
        // As fair as can be, so that actors take turns as they would on threads of their own.
        Throughput = 1;
    }

    /// <summary>The managed threads that have sent anything to an actor that lives, by number, with the stack of the first time.</summary>
    public IReadOnlyDictionary<int, string> Senders => _senders;

    /// <summary>How many turns actors have had: one for each message.</summary>
    public long Turns { get; private set; }

    /// <summary>Runs actors until no mailbox has a message.</summary>
    /// <exception cref="InvalidOperationException">It's called by an actor, or on two threads at once, or the actors never come to rest.</exception>
    public void Run()
    {
        if (_run.IsHeldByCurrentThread || !_run.TryEnter())
            throw new InvalidOperationException("The actors are running already.");

        // Continuations run at once, instead of being posted to xunit's context.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            for (var turns = 0; _queue.TryDequeue(out var next); turns++)
            {
                if (turns == MaxTurns)
                    throw new InvalidOperationException($"The actors haven't come to rest after {MaxTurns} turns.");
                next.Run();
                Turns++;
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
            _run.Exit();
        }
    }

    /// <summary>From now on, actors run by themselves on the thread pool: the end of an actor system takes its own course.</summary>
    public void Release()
    {
        _isReleased = true;
        RunOnPool();
    }

    protected override void ExecuteTask(IRunnable run)
    {
        if (run != Mailboxes.DeadLetterMailbox && !_senders.ContainsKey(Environment.CurrentManagedThreadId))
            _senders.TryAdd(Environment.CurrentManagedThreadId, Environment.StackTrace);
        _queue.Enqueue(run);
        if (_isReleased)
            RunOnPool();
    }

    protected override void Shutdown()
    {
        // Has no threads.
    }

    private void RunOnPool()
    {
        while (_queue.TryDequeue(out var next))
            ThreadPool.UnsafeQueueUserWorkItem(static run => run.Run(), next, preferLocal: false);
    }
}

/// <summary>Makes the one <see cref="RunQueueDispatcher"/> of an actor system, by its configuration.</summary>
internal sealed class RunQueueDispatcherConfigurator : MessageDispatcherConfigurator
{
    private readonly RunQueueDispatcher _dispatcher;

    public RunQueueDispatcherConfigurator(Config config, IDispatcherPrerequisites prerequisites)
        : base(config, prerequisites)
    {
        _dispatcher = new RunQueueDispatcher(this);
    }

    public override MessageDispatcher Dispatcher() => _dispatcher;
}
