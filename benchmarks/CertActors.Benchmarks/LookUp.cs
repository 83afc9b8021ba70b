using Akka.Actor;
using BenchmarkDotNet.Attributes;
using CertActors.Server;

namespace CertActors.Benchmarks;

/// <summary>
/// The cost of the look-up that a handshake makes, compared with the minimum (a bare volatile read) and with locks.
/// Each method makes many look-ups, so that the cost of its own call is small; the figures are per look-up. Limit of <see cref="HolderCurrent"/> and
/// <see cref="HolderSelectWithoutName"/>: 1.2 times the bare read, and 0 bytes.
/// </summary>
[MemoryDiagnoser]
public class LookUp
{
    private const int Times = 256;

    private readonly CertificateHolder _holder = new();
    private readonly Lock _lock = new();
    private readonly ReaderWriterLockSlim _readerWriterLock = new();
    private DirectoryInfo _directory = null!;
    private ActorSystem _system = null!;
    private volatile ServingCertificate? _bare;

    /// <summary>Null. Not a constant, for which the compiler would omit the check.</summary>
    public string? NoName { get; set; }

    [GlobalSetup]
    public void Load()
    {
        _directory = Directory.CreateTempSubdirectory("certactors-benchmark-");
        var (cert, key) = (Path.Combine(_directory.FullName, "tls.crt"), Path.Combine(_directory.FullName, "tls.key"));
        var pair = SelfMadePair.Make();
        File.WriteAllText(cert, pair.CertificatePem);
        File.WriteAllText(key, pair.KeyPem);
        _system = ActorSystem.Create("benchmark");
        _system.ActorOf(CertificateSupervisor.Props(_holder, new CertificateOptions { CertificatePath = cert, KeyPath = key }));
        _bare = _holder.WaitForFirstAsync().GetAwaiter().GetResult();
    }

    [GlobalCleanup]
    public void Unload()
    {
        _system.Terminate().Wait();
        _directory.Delete(recursive: true);
        _readerWriterLock.Dispose();
    }

    [Benchmark(Baseline = true, OperationsPerInvoke = Times)]
    public ServingCertificate? BareVolatileRead()
    {
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
            found = _bare;
        return found;
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? HolderCurrent()
    {
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
            found = _holder.Current;
        return found;
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? HolderSelectWithoutName()
    {
        var (holder, noName) = (_holder, NoName);
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
            found = holder.Select(noName);
        return found;
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? HolderSelect()
    {
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
            found = _holder.Select("localhost");
        return found;
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? OneLock()
    {
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
        {
            lock (_lock)
                found = _bare;
        }

        return found;
    }

    [Benchmark(OperationsPerInvoke = Times)]
    public ServingCertificate? ReaderWriterLockThreeTimes()
    {
        ServingCertificate? found = null;
        for (var i = 0; i < Times; i++)
        {
            for (var taken = 0; taken < 3; taken++)
            {
                _readerWriterLock.EnterReadLock();
                found = _bare;
                _readerWriterLock.ExitReadLock();
            }
        }

        return found;
    }
}
