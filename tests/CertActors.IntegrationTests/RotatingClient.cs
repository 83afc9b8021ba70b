using Akka.Actor;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>The client's side of mutual TLS: a pair that an intermediate has issued, and a trust bundle, from real files with real actors.</summary>
internal sealed class RotatingClient : IAsyncDisposable
{
    public const string Pair = "client";
    public const string Bundle = "servers";

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly ActorSystem _system = ActorSystem.Create("test", "akka.stdout-loglevel = OFF, akka.loglevel = OFF");
    private readonly TestAuthority _intermediate;
    private IActorRef _supervisor = ActorRefs.Nobody;

    private RotatingClient()
    {
        _intermediate = new TestAuthority("intermediate", Root);
    }

    /// <summary>What servers know of the client's authorities.</summary>
    public TestAuthority Root { get; } = new("client root");

    public CertificateHolder Holder { get; } = new();

    public ServingCertificate Current => Holder.Get(Pair)!;

    /// <param name="trusted">The authorities of servers.</param>
    public static async Task<RotatingClient> StartAsync(params TestAuthority[] trusted)
    {
        var client = new RotatingClient();
        client.WritePair();
        client.WriteBundle(trusted);
        client._supervisor = client._system.ActorOf(CertificateSupervisor.Props(client.Holder, new CertificatesOptions
        {
            Certificates =
            [
                new CertificateOptions { Name = Pair, Purpose = CertificatePurpose.ClientAuthentication, CertificatePath = client.In("tls.crt"), KeyPath = client.In("tls.key") },
            ],
            TrustBundles = [new TrustBundleOptions { Name = Bundle, CertificatePaths = [client.In("ca.pem")] }],
        }));
        await Wait.UntilAsync(() => client.Holder.Get(Pair) is not null && client.Holder.GetTrustBundle(Bundle) is not null);
        return client;
    }

    public CertificateHttpHandler Handler(Action<SocketsHttpHandler>? configure = null) => new(Holder, Pair, Bundle, configure);

    /// <returns>What is served when it returns.</returns>
    public async Task<ServingCertificate> RotateAsync()
    {
        var pair = WritePair();
        await ReloadAsync(() => Current.Facts.Sha256 == pair.Sha256);
        return Current;
    }

    /// <summary>Replaces the trust bundle.</summary>
    public async Task TrustAsync(params TestAuthority[] trusted)
    {
        var generation = Holder.GetTrustBundle(Bundle)!.Generation;
        WriteBundle(trusted);
        await ReloadAsync(() => Holder.GetTrustBundle(Bundle)!.Generation > generation);
    }

    public async ValueTask DisposeAsync()
    {
        await _system.Terminate().WaitAsync(Generous);
        _directory.Delete(recursive: true);
    }

    private string In(string name) => Path.Combine(_directory.FullName, name);

    private TestPair WritePair()
    {
        var pair = new TestLeaf { Issuer = _intermediate, Purposes = ["1.3.6.1.5.5.7.3.2"] }.Make();
        Replace("tls.key", pair.KeyPem);
        Replace("tls.crt", pair.CertificatePem + _intermediate.CertificatePem);
        return pair;
    }

    private void WriteBundle(TestAuthority[] trusted) => Replace("ca.pem", string.Concat(trusted.Select(authority => authority.CertificatePem)));

    private void Replace(string name, string content)
    {
        File.WriteAllText(In("new"), content);
        File.Move(In("new"), In(name), overwrite: true);
    }

    // The files may have been loaded between two of them: the event that follows brings the whole.
    private async Task ReloadAsync(Func<bool> isServed)
    {
        await _supervisor.Ask<ReloadNowResult>(new ReloadNow(), Generous);
        await Wait.UntilAsync(isServed);
    }
}
