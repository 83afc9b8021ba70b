using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Hosting;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>Hooks from the services of a host, and one that is an actor, on real threads.</summary>
public sealed class HookTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    private string CertPath => Path.Combine(_root.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_root.FullName, "tls.key");

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task A_hook_of_the_services_takes_part_and_may_block_its_thread()
    {
        Write(TestPair.Make());
        using var hook = new BlockingHook();
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<IRotationHook>(hook);
        builder.Services.AddCertificates(new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath });
        builder.Services.AddAkka("test", akka => akka.WithCertificates());
        using var host = builder.Build();
        await host.StartAsync();
        var holder = host.Services.GetRequiredService<CertificateHolder>();
        var supervisor = host.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;

        // The supervisor answers while the hook blocks a thread.
        await Wait.UntilAsync(() => !hook.Calls.IsEmpty);
        Assert.Empty((await supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).Certificates[0].Connections);
        Assert.Null(holder.Current);
        hook.Release();

        Assert.Equal(1, (await holder.WaitForFirstAsync(Generous)).Generation);
        await Wait.UntilAsync(() => hook.Calls.Contains("after 1"));
        await host.StopAsync();
    }

    [Fact]
    public async Task An_actor_may_veto_by_message()
    {
        Write(TestPair.Make());
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loggers = []");
        var got = new ConcurrentQueue<object>();
        var approver = system.ActorOf(Props.Create(() => new Approver(got)), "approver");
        var holder = new CertificateHolder();
        var options = new CertificatesOptions { Certificates = [new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath }] };
        var supervisor = await CertificateSupervisor.StartAsync(system, holder, options, hooks: [new ActorRotationHook(approver, Generous)]);

        var refused = await supervisor.Ask<ReloadNowResult>(new ReloadNow(), Generous);
        Assert.Equal(RejectionReason.Vetoed, refused.Outcomes[0].Failure?.Reason);
        Assert.Contains("/user/approver: not yet", refused.Outcomes[0].Failure?.Message, StringComparison.Ordinal);
        Assert.Null(holder.Current);

        approver.Tell("approve");
        await holder.WaitForFirstAsync(Generous);
        await Wait.UntilAsync(() => got.OfType<CertificateChanged>().Any());
        await system.Terminate().WaitAsync(Generous);
    }

    private void Write(TestPair pair)
    {
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
    }

    private sealed class BlockingHook : IRotationHook, IDisposable
    {
        private readonly ManualResetEventSlim _released = new();

        public TimeSpan TimeLimit => Generous;

        public ConcurrentQueue<string> Calls { get; } = [];

        public void Release() => _released.Set();

        public Task<string?> BeforeSwapAsync(GenerationChanged next, CancellationToken cancellationToken)
        {
            Calls.Enqueue($"before {next.Generation}");
            _released.Wait(cancellationToken);
            return Task.FromResult<string?>(null);
        }

        public Task AfterSwapAsync(GenerationChanged change, CancellationToken cancellationToken)
        {
            Calls.Enqueue($"after {change.Generation}");
            return Task.CompletedTask;
        }

        public void Dispose() => _released.Dispose();
    }

    private sealed class Approver : ReceiveActor
    {
        public Approver(ConcurrentQueue<object> got)
        {
            string? veto = "not yet";
            Receive<SwapProposed>(_ => Sender.Tell(new SwapAnswer(veto)));
            Receive<string>(_ => veto = null);
            ReceiveAny(got.Enqueue);
        }
    }
}
