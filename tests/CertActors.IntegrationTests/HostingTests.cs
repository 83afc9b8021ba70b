using Akka.Actor;
using Akka.Hosting;
using CertActors.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>The supervisor under Akka.Hosting.</summary>
public sealed class HostingTests
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);
    private static readonly CertificateOptions Missing = new() { CertificatePath = "/nowhere/tls.crt", KeyPath = "/nowhere/tls.key" };

    [Fact]
    public async Task The_supervisor_is_registered_and_runs_on_the_holder_of_the_services()
    {
        using var host = Host(services => services.AddCertificates(Missing), akka => akka.WithCertificates());
        await host.StartAsync();

        var supervisor = host.Services.GetRequiredService<IRequiredActor<CertificateSupervisor>>().ActorRef;
        await supervisor.Ask<ReloadNowResult>(new ReloadNow(), Generous);
        var reason = await Assert.ThrowsAsync<CertificateNotLoadedException>(
            () => host.Services.GetRequiredService<CertificateHolder>().WaitForFirstAsync(TimeSpan.Zero));

        Assert.Equal("/user/certificates", supervisor.Path.ToStringWithoutAddress());
        Assert.Equal(RejectionReason.FileMissing, reason.Failure?.Reason);
        await host.StopAsync();
    }

    [Fact]
    public async Task A_start_without_pairs_says_so()
    {
        using var host = Host(_ => { }, akka => akka.WithCertificates());

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());

        Assert.Contains(nameof(CertificateHostingExtensions.AddCertificates), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_on_a_holder_that_is_taken_says_so()
    {
        var holder = new CertificateHolder();
        using var first = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        using var second = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        await first.StartAsync();

        await Assert.ThrowsAsync<CertificateHolderInUseException>(() => second.StartAsync());

        await first.StopAsync();
        using var third = Host(services => services.AddSingleton(holder).AddCertificates(Missing), akka => akka.WithCertificates());
        await third.StartAsync();
        await third.StopAsync();
    }

    [Fact]
    public async Task Without_a_logger_factory_the_actor_system_logs()
    {
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loggers = []");
        var logged = new TaskCompletionSource<string>();
        var listener = system.ActorOf(Props.Create(() => new Listener(logged)));
        system.EventStream.Subscribe(listener, typeof(Akka.Event.Warning));

        system.ActorOf(CertificateSupervisor.Props(new CertificateHolder(), Missing), CertificateSupervisor.DefaultName);

        Assert.Contains("/nowhere/tls.crt", await logged.Task.WaitAsync(Generous), StringComparison.Ordinal);
        await system.Terminate().WaitAsync(Generous);
    }

    private static IHost Host(Action<IServiceCollection> services, Action<AkkaConfigurationBuilder> akka)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.ClearProviders();
        services(builder.Services);
        builder.Services.AddAkka("test", (configuration, _) => akka(configuration));
        return builder.Build();
    }

    private sealed class Listener : ReceiveActor
    {
        public Listener(TaskCompletionSource<string> logged)
        {
            Receive<Akka.Event.Warning>(warning => logged.TrySetResult($"{warning.Message}"));
        }
    }
}
