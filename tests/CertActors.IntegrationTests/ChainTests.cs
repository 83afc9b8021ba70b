using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;

namespace CertActors.IntegrationTests;

/// <summary>
/// What the judge says of a chain, beside what clients do that are sent it: <c>openssl s_client</c> and <see cref="SslStream"/>, which trust the
/// root alone.
/// </summary>
public sealed class ChainTests : IDisposable
{
    private const string Accepted = "accepted";
    private const string Warned = "accepted with a warning";
    private const string Everyone = "OpenSSL 1.2, OpenSSL 1.3, .NET 1.2, .NET 1.3";
    private const X509KeyUsageFlags ForAuthorities = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;

    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;
    private static readonly DateTimeOffset Yesterday = Now.AddDays(-1);
    private static readonly DateTimeOffset Tomorrow = Now.AddDays(1);

    private static readonly CertificateOptions Policy = new() { CertificatePath = "/tls.crt", KeyPath = "/tls.key" };
    private static readonly TestAuthority Root = Authority("root");
    private static readonly TestAuthority Issuer = Authority("issuer", Root);
    private static readonly TestAuthority Renewed = Authority("issuer", Root);
    private static readonly TestAuthority Expired = new("expired", Root, Now.AddDays(-30), Yesterday);
    private static readonly TestAuthority Anonymous = new("anonymous", Root, Now.AddDays(-30), Now.AddDays(30), hasKeyId: false);
    private static readonly TestAuthority Anonymous2 = new("anonymous", Root, Now.AddDays(-30), Now.AddDays(30), hasKeyId: false);
    private static readonly TestAuthority Short = new("short", Root, Now.AddDays(-30), Now.AddDays(30), pathLength: 0);

    private static readonly TestLeaf Good = new() { NotBefore = Yesterday, NotAfter = Tomorrow };
    private static readonly TestLeaf GoodRsa = Good with { RsaBits = 2048 };

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("certactors-test-");

    /// <summary>What it's about; what comes; what the judge says with a good pair served; the clients that refuse it.</summary>
    /// <remarks>
    /// GnuTLS 3.7.9 was asked by hand, once, and OpenSSL was 3.0.19. GnuTLS refuses all of these without digitalSignature, with both versions of TLS,
    /// and takes a leaf for any purpose; in every other row it does what OpenSSL does.
    /// </remarks>
    private static readonly (string What, TestPair Pair, string Verdict, string RefusedBy)[] Rows =
    [
        ("a chain", Chain(Good, Issuer), Accepted, ""),
        ("a chain with an RSA leaf", Chain(GoodRsa, Issuer), Accepted, ""),
        ("a leaf of the root", Chained(Good, Root), Accepted, ""),
        ("a leaf of the root, with the root", Chained(Good, Root, Root), Accepted, ""),
        ("the issuers of two keys, in the wrong order", Chained(Good, Renewed, Issuer, Renewed), Accepted, ""),
        ("the issuers of two keys, without identifiers, in the wrong order", Chained(Good, Anonymous, Anonymous2, Anonymous), Accepted, ""),
        ("an expired intermediate before its renewal", Chained(Good, Expired, Expired, new TestAuthority("expired", Root, Yesterday, Tomorrow, sameKeyAs: Expired)), Accepted, ""),

        // No chain says whether a leaf's issuer is a root.
        ("a leaf without its chain", Chained(Good, Issuer), Accepted, Everyone),

        ("an expired intermediate", Chain(Good, Expired), nameof(RejectionReason.IntermediateExpired), Everyone),
        ("an expired second intermediate", Chain(Good, Authority("lower", Expired), Expired), nameof(RejectionReason.IntermediateExpired), Everyone),
        ("an early intermediate", Chain(Good, new TestAuthority("early", Root, Tomorrow, Now.AddDays(30))), nameof(RejectionReason.IntermediateNotYetValid), Everyone),
        ("the intermediate before a renewed key", Chained(Good, Renewed, Issuer), nameof(RejectionReason.IntermediateNotIssuer), Everyone),
        ("the intermediate before a renewed key, without identifiers", Chained(Good, Anonymous, Anonymous2), nameof(RejectionReason.IntermediateNotIssuer), Everyone),
        ("an intermediate that is no authority", Chain(Good, Authority("no authority", Root, isAuthority: false)), nameof(RejectionReason.IntermediateNotAuthority), Everyone),
        ("an intermediate without constraints", Chain(Good, Authority("plain", Root, isAuthority: null)), nameof(RejectionReason.IntermediateNotAuthority), Everyone),
        ("an intermediate that signs no certificates", Chain(Good, Authority("signer", Root, usage: X509KeyUsageFlags.CrlSign)), nameof(RejectionReason.IntermediateNotAuthority), Everyone),
        ("a path that is too long", Chain(Good, Authority("lower", Short), Short), nameof(RejectionReason.PathTooLong), Everyone),
        ("a path as long as it may be", Chain(Good, Short), Accepted, ""),
        ("an intermediate for clients", Chain(Good, Authority("clients", Root, purposes: ["1.3.6.1.5.5.7.3.2"])), nameof(RejectionReason.PurposeExcluded), Everyone),
        ("an intermediate for servers", Chain(Good, Authority("servers", Root, purposes: ["1.3.6.1.5.5.7.3.1"])), Accepted, ""),
        ("an intermediate for any purpose", Chain(Good, Authority("any", Root, purposes: ["2.5.29.37.0"])), nameof(RejectionReason.PurposeExcluded), Everyone),
        ("a leaf for any purpose", Chained(Good with { Purposes = ["2.5.29.37.0"] }, Issuer, Issuer), nameof(RejectionReason.PurposeExcluded), Everyone),

        ("ECDSA for signatures", Chain(Good with { Usage = X509KeyUsageFlags.DigitalSignature }, Issuer), Accepted, ""),
        ("ECDSA for CRLs", Chain(Good with { Usage = X509KeyUsageFlags.CrlSign }, Issuer), nameof(RejectionReason.KeyUsageExcluded), "OpenSSL 1.2, OpenSSL 1.3, .NET 1.2"),
        ("ECDSA for encipherment", Chain(Good with { Usage = X509KeyUsageFlags.KeyEncipherment }, Issuer), nameof(RejectionReason.KeyUsageExcluded), "OpenSSL 1.2, .NET 1.2"),
        ("RSA for CRLs", Chain(GoodRsa with { Usage = X509KeyUsageFlags.CrlSign }, Issuer), nameof(RejectionReason.KeyUsageExcluded), "OpenSSL 1.2, OpenSSL 1.3"),

        // By GnuTLS and by Chromium alone, and by RFC 8446, 4.4.2.2.
        ("RSA for encipherment", Chain(GoodRsa with { Usage = X509KeyUsageFlags.KeyEncipherment }, Issuer), nameof(RejectionReason.KeyUsageExcluded), ""),
        ("RSA for key agreement", Chain(GoodRsa with { Usage = X509KeyUsageFlags.KeyAgreement }, Issuer), nameof(RejectionReason.KeyUsageExcluded), ""),

        ("an authority as the leaf", Chain(Good with { IsAuthority = true, Usage = ForAuthorities }, Issuer), nameof(RejectionReason.LeafIsAuthority), "OpenSSL 1.2, OpenSSL 1.3, .NET 1.2"),
        ("an authority as the leaf, for signatures too", Chain(Good with { IsAuthority = true, Usage = ForAuthorities | X509KeyUsageFlags.DigitalSignature }, Issuer), Warned, ""),
        ("an authority as the leaf, without a key usage", Chain(Good with { IsAuthority = true }, Issuer), Warned, ""),
        ("an authority as the leaf, at the end of the path", Chain(Good with { IsAuthority = true }, Short), Warned, ""),
        ("a self-signed leaf", Good.Make(), Accepted, ""),
        ("a self-signed authority", (Good with { IsAuthority = true }).Make(), Accepted, ""),
        ("a self-signed authority for certificates", (Good with { IsAuthority = true, Usage = ForAuthorities }).Make(), nameof(RejectionReason.LeafIsAuthority), "OpenSSL 1.2, OpenSSL 1.3, .NET 1.2"),
    ];

    public static TheoryData<string> Whats => [.. Rows.Select(row => row.What)];

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Whats))]
    public async Task The_judge_agrees_with_clients(string what)
    {
        var (_, pair, expected, refusedBy) = Rows.Single(row => row.What == what);
        var first = Assert.IsType<Verdict.Accepted>(Judge(pair, served: null));
        using var served = Assert.IsType<Verdict.Accepted>(Judge(Good.Make(), served: null)).Pair;

        var verdict = Judge(pair, served);
        var refused = await RefusedAsync(first.Pair);

        Assert.Equal(expected, verdict switch
        {
            Verdict.Rejected rejected => rejected.Reason.ToString(),
            Verdict.Accepted { Warnings.Count: 0 } => Accepted,
            _ => Warned,
        });
        Assert.Equal(refusedBy, string.Join(", ", refused));
        Assert.Equal(expected != Accepted, first.Warnings.Count > 0);
        first.Pair.Dispose();
        (verdict as Verdict.Accepted)?.Pair.Dispose();
    }

    private static Verdict Judge(TestPair pair, LoadedPair? served)
    {
        using var certificate = Bytes(pair.CertificatePem);
        using var key = Bytes(pair.KeyPem);
        return Reloading.Judging.Judge.Of(new PairContent(certificate, key, Password: null), served, isAccepted: true, trust: null, Now, Policy);
    }

    private static SecretBuffer Bytes(string text)
    {
        var buffer = SecretBuffer.Rent(text.Length);
        Encoding.ASCII.GetBytes(text, buffer.Span);
        return buffer;
    }

    private static TestAuthority Authority(
        string name, TestAuthority? issuer = null, bool? isAuthority = true, X509KeyUsageFlags? usage = null, string[]? purposes = null) =>
        new(name, issuer, Now.AddDays(-30), Now.AddDays(30), isAuthority, usage: usage, purposes: purposes);

    /// <summary>A leaf of the first authority, and the chain itself.</summary>
    private static TestPair Chain(TestLeaf leaf, params TestAuthority[] chain) => Chained(leaf, chain[0], chain);

    private static TestPair Chained(TestLeaf leaf, TestAuthority issuer, params TestAuthority[] chain)
    {
        var pair = (leaf with { Issuer = issuer }).Make();
        return pair with { CertificatePem = pair.CertificatePem + string.Concat(chain.Select(authority => authority.CertificatePem)) };
    }

    /// <returns>The clients that didn't get through.</returns>
    private async Task<List<string>> RefusedAsync(LoadedPair pair)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        using var trusted = pair.Leaf.IsSelfIssued()
            ? X509CertificateLoader.LoadCertificate(pair.Leaf.RawData)
            : X509Certificate2.CreateFromPem(Root.CertificatePem);
        List<string> refused = [];
        foreach (var (name, client) in ((string, Func<Task<bool>>)[])[
            ("OpenSSL 1.2", () => OpenSslAsync(port, trusted, "-tls1_2")),
            ("OpenSSL 1.3", () => OpenSslAsync(port, trusted, "-tls1_3")),
            (".NET 1.2", () => SslStreamAsync(port, trusted, SslProtocols.Tls12)),
            (".NET 1.3", () => SslStreamAsync(port, trusted, SslProtocols.Tls13))])
        {
            var serving = ServeOneAsync(listener, pair.Context);
            if (!await client().WaitAsync(Generous))
                refused.Add(name);
            await serving.WaitAsync(Generous);
        }

        return refused;
    }

    private static async Task ServeOneAsync(TcpListener listener, SslStreamCertificateContext context)
    {
        using var connection = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(connection.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = context });
            await tls.CopyToAsync(Stream.Null); // Until the client closes.
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            // The client has refused; what it says counts.
        }
    }

    private async Task<bool> OpenSslAsync(int port, X509Certificate2 trusted, string version)
    {
        var roots = Path.Combine(_root.FullName, "root.pem");
        await File.WriteAllTextAsync(roots, trusted.ExportCertificatePem());
        var (exitCode, output, _) = await OpenSsl.ConnectAsync(
            port, version, "-servername", "localhost", "-verify_hostname", "localhost", "-CAfile", roots, "-no-CApath", "-no-CAstore", "-verify_return_error");
        return exitCode == 0 && output.Contains("Verify return code: 0 (ok)", StringComparison.Ordinal);
    }

    private static async Task<bool> SslStreamAsync(int port, X509Certificate2 trusted, SslProtocols version)
    {
        using var connection = new TcpClient();
        await connection.ConnectAsync(IPAddress.Loopback, port);
        await using var tls = new SslStream(connection.GetStream());
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.Add(trusted);
        try
        {
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = version,
                CertificateChainPolicy = policy,
            });
            return true;
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            return false;
        }
    }
}
