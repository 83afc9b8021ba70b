using System.Net;
using Akka.Hosting;
using CertActors.AspNetCore;
using CertActors.Hosting;
using CertActors.Tests.Support;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>The start of a web server with certificates.</summary>
public sealed class StartTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    private CertificateOptions Pair => new()
    {
        CertificatePath = Path.Combine(_directory.FullName, "tls.crt"),
        KeyPath = Path.Combine(_directory.FullName, "tls.key"),
    };

    public void Dispose() => _directory.Delete(recursive: true);

    [Fact]
    public async Task Nothing_listens_before_every_pair_is_served()
    {
        await using var app = Build(services => services.AddCertificates(Pair).AddAkka("test", akka => akka.WithCertificates(Timeout.InfiniteTimeSpan)));
        var started = app.StartAsync();
        var holder = app.Services.GetRequiredService<CertificateHolder>();
        await Wait.UntilAsync(() => app.Services.GetRequiredService<ActorRegistry>().TryGet<CertificateSupervisor>(out _));
        Assert.False(started.IsCompleted);
        Assert.Empty(Addresses(app));

        var pair = TestPair.Make();
        File.WriteAllText(Pair.KeyPath, pair.KeyPem);
        File.WriteAllText(Pair.CertificatePath, pair.CertificatePem);
        await started.WaitAsync(Generous);

        Assert.NotNull(holder.Current);
        Assert.Single(Addresses(app));
        await app.StopAsync();
    }

    [Fact]
    public async Task A_start_that_waits_in_vain_listens_nowhere()
    {
        await using var app = Build(services => services.AddCertificates(Pair).AddAkka("test", akka => akka.WithCertificates(TimeSpan.FromMilliseconds(500))));

        await Assert.ThrowsAsync<CertificateNotLoadedException>(() => app.StartAsync());

        Assert.Empty(Addresses(app));
    }

    [Fact]
    public async Task UseCertificates_without_AddCertificates_names_it()
    {
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(async () =>
        {
            await using var app = Build(_ => { });
            await app.StartAsync();
        });

        Assert.Contains("AddCertificates(...)", failure.Message, StringComparison.Ordinal);
        Assert.Contains("WithCertificates()", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UseCertificates_without_WithCertificates_names_it()
    {
        await using var app = Build(services => services.AddCertificates(Pair).AddAkka("test", _ => { }));

        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => app.StartAsync());

        Assert.Contains("WithCertificates()", failure.Message, StringComparison.Ordinal);
    }

    private static ICollection<string> Addresses(WebApplication app) => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? [];

    private static WebApplication Build(Action<IServiceCollection> services)
    {
        var builder = WebApplication.CreateSlimBuilder(["--hostBuilder:reloadConfigOnChange=false"]);
        builder.Logging.ClearProviders();
        services(builder.Services);
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.UseCertificates()));
        return builder.Build();
    }
}
