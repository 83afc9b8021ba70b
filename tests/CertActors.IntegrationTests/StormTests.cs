using System.Collections.Concurrent;
using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>A path whose directories are replaced all the time stays watched, and no false failure is reported.</summary>
public sealed class StormTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData("directory")]
    [InlineData("link")]
    public async Task What_vanishes_while_it_is_looked_at_is_looked_at_again(string what)
    {
        var (way, real) = (Path.Combine(_root.FullName, "certs"), Path.Combine(_root.FullName, "real"));
        var pair = TestPair.Make();
        Make(real, pair);
        Replace();

        using var system = ActorSystem.Create("test", "akka.loglevel = WARNING");
        var news = new ConcurrentQueue<object>();
        var holder = new CertificateHolder();
        var supervisor = system.ActorOf(CertificateSupervisor.Props(
            holder, new CertificateOptions { CertificatePath = Path.Combine(way, "tls.crt"), KeyPath = Path.Combine(way, "tls.key") }));
        supervisor.Tell(new SubscribeToCertificates(system.ActorOf(Props.Create(() => new Collector(news)))));
        await holder.WaitForFirstAsync(Generous);
        await Wait.UntilAsync(() => news.OfType<WatchModeChanged>().Any(change => change.Mode == WatchMode.Events));

        for (var i = 0; i < 2000; i++)
            Replace();
        pair = TestPair.Make();
        Make(real, pair);
        Replace();
        await Wait.UntilAsync(() => holder.Current!.Facts.Sha256 == pair.Sha256);

        Assert.DoesNotContain(news.OfType<WatchModeChanged>(), change => change.Mode == WatchMode.Polling);
        Assert.DoesNotContain(news.OfType<CertificateReloadFailed>(), failure => failure.Reason == RejectionReason.FileUnreadable);
        await system.Terminate().WaitAsync(Generous);

        void Replace()
        {
            if (what == "link")
            {
                File.Delete(way);
                Directory.CreateSymbolicLink(way, real);
                return;
            }

            if (Directory.Exists(way))
                Directory.Delete(way, recursive: true);
            Make(way, pair);
        }
    }

    private static void Make(string directory, TestPair pair)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "tls.crt"), pair.CertificatePem);
        File.WriteAllText(Path.Combine(directory, "tls.key"), pair.KeyPem);
    }

    private sealed class Collector : ReceiveActor
    {
        public Collector(ConcurrentQueue<object> news)
        {
            ReceiveAny(news.Enqueue);
        }
    }
}
