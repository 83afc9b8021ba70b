using CertActors.AspNetCore;
using CertActors.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace CertActors.IntegrationTests;

/// <summary>A Kestrel whose pair is rotated, and whose drain runs in virtual time.</summary>
public abstract class DrainKit : IDisposable
{
    protected const int Grace = 10;
    protected const int Window = 40;
    protected const int HardLimit = 1000;

    protected static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");
    private Task _swapped = Task.CompletedTask;

    private protected FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    private protected CertificateOptions Pair => new()
    {
        CertificatePath = Path.Combine(_directory.FullName, "tls.crt"),
        KeyPath = Path.Combine(_directory.FullName, "tls.key"),
    };

    public void Dispose()
    {
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected KestrelServer.Additions Draining() => new()
    {
        Build = builder => builder.Services.AddSingleton<TimeProvider>(Time),
        Listen = listen => listen.UseCertificateDrain(drain =>
        {
            drain.GracePeriod = TimeSpan.FromSeconds(Grace);
            drain.DrainWindow = TimeSpan.FromSeconds(Window);
            drain.HardLimit = TimeSpan.FromSeconds(HardLimit);
        }),
    };

    private protected async Task<KestrelServer> StartServerAsync(KestrelServer.Additions additions)
    {
        Write(SelfMadePair.Make());
        var server = await KestrelServer.StartAsync(Pair, additions);
        await server.Holder.WaitForFirstAsync(Generous);
        ExpectSwap(server);
        return server;
    }

    /// <summary>Swaps the pair, and waits until the drain of the generation until now has begun.</summary>
    /// <returns>The SHA-256 of the leaf that is served from now on.</returns>
    private protected async Task<string> RotateAsync(KestrelServer server)
    {
        var next = Write(SelfMadePair.Make());
        await _swapped.WaitAsync(Generous);
        Assert.Equal(next.Sha256, server.Holder.Current?.Facts.Sha256);
        ExpectSwap(server);
        return next.Sha256;
    }

    /// <summary>Passes the drain's time until something has happened.</summary>
    private protected Task PassUntilAsync(Func<Task<bool>> condition) => Wait.UntilAsync(() =>
    {
        Time.Advance(TimeSpan.FromSeconds(1));
        return condition();
    });

    /// <inheritdoc cref="PassUntilAsync(Func{Task{bool}})"/>
    private protected Task PassUntilAsync(Func<bool> condition) => PassUntilAsync(() => Task.FromResult(condition()));

    private protected SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(Pair.CertificatePath, pair.CertificatePem);
        File.WriteAllText(Pair.KeyPath, pair.KeyPem);
        return pair;
    }

    // Callbacks run in the reverse order of their registration: this one after that of the drain, which comes with the first connection.
    private void ExpectSwap(KestrelServer server)
    {
        var swapped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Holder.Current!.Superseded.UnsafeRegister(_ => swapped.SetResult(), state: null);
        _swapped = swapped.Task;
    }
}
