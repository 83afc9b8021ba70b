using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;
using CertActors.Reloading;

namespace CertActors.Benchmarks;

/// <summary>A mailbox that records the maximum of messages that waited in it, and in all mailboxes of the component together.</summary>
public sealed class CountingMailbox(Settings settings, Config config) : MailboxType(settings, config), IProducesMessageQueue<UnboundedMessageQueue>
{
    private static int _waiting;
    private static int _most;
    private static int _reloads;

    /// <summary>The maximum of messages that waited at one time in all actors under <c>/user/certificates</c>, since the last <see cref="Reset"/>.</summary>
    public static int Most => _most;

    /// <summary>The number of loads that were requested.</summary>
    public static int Reloads => _reloads;

    /// <summary>Resets both figures.</summary>
    public static void Reset() => (_most, _reloads) = (0, 0);

    /// <inheritdoc/>
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) =>
        owner?.Path.ToStringWithoutAddress().StartsWith("/user/certificates", StringComparison.Ordinal) is true
            ? new Queue()
            : new UnboundedMessageQueue();

    private sealed class Queue : IMessageQueue, IUnboundedMessageQueueSemantics
    {
        private readonly ConcurrentQueue<Envelope> _messages = new();

        public bool HasMessages => !_messages.IsEmpty;

        public int Count => _messages.Count;

        public void Enqueue(IActorRef receiver, Envelope envelope)
        {
            if (envelope.Message is Reload)
                Interlocked.Increment(ref _reloads);
            var waiting = Interlocked.Increment(ref _waiting);
            InterlockedMax(ref _most, waiting);
            _messages.Enqueue(envelope);
        }

        public bool TryDequeue(out Envelope envelope)
        {
            if (!_messages.TryDequeue(out envelope))
                return false;
            Interlocked.Decrement(ref _waiting);
            return true;
        }

        public void CleanUp(IActorRef owner, IMessageQueue deadletters)
        {
            while (TryDequeue(out _))
            {
                // The actor system terminates.
            }
        }

        private static void InterlockedMax(ref int most, int value)
        {
            for (var seen = Volatile.Read(ref most); value > seen;)
            {
                var before = Interlocked.CompareExchange(ref most, value, seen);
                if (before == seen)
                    return;
                seen = before;
            }
        }
    }
}
