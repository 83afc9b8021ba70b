using System.Diagnostics.Metrics;
using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>What pairs that come and go leave behind in the process, with real files. No other test runs at the same time.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class ThousandTenantsTests : IDisposable
{
    private const int Rounds = 100;
    private const int Tenants = 10;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly CertificateHolder _holder = new();

    public void Dispose() => _root.Delete(recursive: true);

    [Fact]
    public async Task A_thousand_additions_and_removals_leave_no_watch_no_descriptor_and_no_series_behind()
    {
        // What earlier tests have left to finalizers: the numbers of their descriptors would be given again.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var others = Inotifies();
        using var system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loglevel = OFF");
        var supervisor = system.ActorOf(CertificateSupervisor.Props(_holder, Write("default")));
        await _holder.WaitForFirstAsync(Generous);
        CertificateOptions[] tenants = [.. Enumerable.Range(0, Tenants).Select(number => Write($"tenant-{number}"))];
        await Wait.UntilAsync(IsWatchedAsync);
        var inotify = Assert.Single(Inotifies().Except(others));
        var watches = Watches(inotify);

        // Once before the count begins, with all that is opened at the first use.
        await AddAsync();
        await Wait.UntilAsync(() => Watches(inotify) == watches + Tenants);
        await Wait.UntilAsync(() => Series() >= Tenants);
        await RemoveAsync();
        await Wait.UntilAsync(() => Watches(inotify) == watches);
        var descriptors = Descriptors();

        for (var round = 0; round < Rounds; round++)
        {
            await AddAsync();
            await RemoveAsync();
        }

        await Wait.UntilAsync(() => Watches(inotify) == watches);
        await Wait.UntilAsync(() => Series() == 0);
        await Wait.UntilAsync(() => Descriptors() <= descriptors);
        await system.Terminate().WaitAsync(Generous);

        async Task<bool> IsWatchedAsync() =>
            Assert.Single((await supervisor.Ask<CertificateSupervisorStatus>(GetStatus.Instance, Generous)).Certificates).WatchMode == WatchMode.Events;

        async Task AddAsync()
        {
            var added = await Task.WhenAll(tenants.Select(tenant => supervisor.Ask<AddCertificateResult>(new AddCertificate(tenant), Generous)));
            Assert.Empty(added.SelectMany(result => result.Errors));
            await _holder.WaitForAllAsync(Generous);
        }

        Task RemoveAsync() =>
            Task.WhenAll(tenants.Select(tenant => supervisor.Ask<RemoveCertificateResult>(new RemoveCertificate(tenant.Name), Generous)));
    }

    private CertificateOptions Write(string name)
    {
        var directory = _root.CreateSubdirectory(name).FullName;
        var pair = TestPair.Make($"{name}.example");
        var options = new CertificateOptions { Name = name, CertificatePath = Path.Combine(directory, "tls.crt"), KeyPath = Path.Combine(directory, "tls.key") };
        File.WriteAllText(options.CertificatePath, pair.CertificatePem);
        File.WriteAllText(options.KeyPath, pair.KeyPem);
        return options;
    }

    /// <summary>The descriptors of inotify instances.</summary>
    private static string[] Inotifies() =>
        [.. Directory.GetFiles("/proc/self/fd").Where(file => new FileInfo(file).LinkTarget == "anon_inode:inotify").Select(file => Path.GetFileName(file))];

    // proc_pid_fdinfo(5)
    private static int Watches(string inotify) =>
        File.ReadLines($"/proc/self/fdinfo/{inotify}").Count(line => line.StartsWith("inotify wd:", StringComparison.Ordinal));

    // Assemblies that are loaded meanwhile are not counted.
    private static int Descriptors() =>
        Directory.GetFiles("/proc/self/fd").Count(file => new FileInfo(file).LinkTarget?.EndsWith(".dll", StringComparison.Ordinal) is false);

    private static int Series()
    {
        var count = 0;
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, reader) =>
        {
            if (instrument.Meter.Name == "CertActors")
                reader.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<int>((_, _, tags, _) => Add(tags));
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => Add(tags));
        listener.SetMeasurementEventCallback<double>((_, _, tags, _) => Add(tags));
        listener.Start();
        listener.RecordObservableInstruments();
        return count;

        void Add(ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            foreach (var tag in tags)
            {
                if (tag is { Key: "certactors.name", Value: string name } && name.StartsWith("tenant-", StringComparison.Ordinal))
                    count++;
            }
        }
    }

    [CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
    public sealed class AloneInTheProcess;
}
