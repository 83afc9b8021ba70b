using System.Security.Cryptography.X509Certificates;
using BenchmarkDotNet.Attributes;
using CertActors.Holding;
using CertActors.Reloading.Formats;
using CertActors.Tests.Support;

namespace CertActors.Benchmarks;

/// <summary>The cost of counting a peer that a handshake has accepted: one of the ten that are remembered, and one that expires later than these.</summary>
[MemoryDiagnoser]
public class CountedPeers
{
    private const int Remembered = 10;

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(1);

    private readonly PeerAcceptances _peers = new();
    private readonly X509Certificate2[] _leaves = new X509Certificate2[Remembered + 1];
    private TrustResult _accepted = null!;
    private int _next;

    [GlobalSetup]
    public void Accept()
    {
        var authority = new TestAuthority("authority");
        var facts = X509Certificate2.CreateFromPem(authority.CertificatePem).ToFacts();
        _accepted = new TrustResult { Refusal = null, Message = "", Authority = facts };
        _peers.Follow([facts], Now);
        for (var i = 0; i < _leaves.Length; i++)
        {
            _leaves[i] = X509Certificate2.CreateFromPem(new TestLeaf { Issuer = authority, NotAfter = Now.AddDays(i + 1) }.Make().CertificatePem);
            _peers.Recorder(_accepted, _leaves[i], Now);
        }
    }

    [Benchmark]
    public void KnownPeer() => _peers.Recorder(_accepted, _leaves[_next = (_next + 1) % Remembered], Now);

    [Benchmark]
    public void LaterPeer() => _peers.Recorder(_accepted, _leaves[Remembered], Now);
}
