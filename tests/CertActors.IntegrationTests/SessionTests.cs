using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;
using CertActors.Verifying;

namespace CertActors.IntegrationTests;

/// <summary>
/// What TLS sessions and tickets do when certificates, trust and revocation lists change: with the check of a trust bundle, and what of .NET and OpenSSL
/// it relies on.
/// </summary>
public sealed class SessionTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);
    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly IntermediateMemory _memory = new();
    private readonly ConcurrentQueue<TrustResult> _refusals = new();
    private readonly ConcurrentQueue<(string Leaf, int Intermediates)> _seen = new();
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    // Sessions belong to the certificates of both sides, in the whole process: each test has its own.
    private readonly TestAuthority _root = Authority("root");
    private readonly TestAuthority _intermediate;
    private readonly SslStreamCertificateContext _server;
    private readonly TestPair _clientPair;
    private readonly SslStreamCertificateContext _client;

    public SessionTests()
    {
        _intermediate = Authority("intermediate", _root);
        _server = Context(Leaf(_root));
        _clientPair = Leaf(_intermediate);
        _client = Context(_clientPair, _intermediate);
    }

    private readonly HashSet<(SslProtocols, SslStreamCertificateContext, SslStreamCertificateContext)> _kept = [];
    private readonly List<IDisposable> _open = [];

    public static TheoryData<SslProtocols> Versions => [SslProtocols.Tls12, SslProtocols.Tls13];

    public void Dispose()
    {
        _open.ForEach(open => open.Dispose());
        _directory.Delete(recursive: true);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_resumed_session_shows_the_server_the_leaf_without_its_intermediates(SslProtocols version)
    {
        Assert.Equal((true, false), await ConnectAsync(version, _server, Show));
        Assert.Equal((true, true), await ConnectAsync(version, _server, Show));

        var leaf = _client.TargetCertificate.Subject;
        Assert.Equal([(leaf, 1), (leaf, 0)], _seen);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_check_without_memory_refuses_a_client_of_an_intermediate_when_it_resumes(SslProtocols version)
    {
        void Check(SslServerAuthenticationOptions options)
        {
            options.ClientCertificateRequired = true;
            options.CertificateChainPolicy = Bundle(_root).Loaded.PolicyFor(CertificatePurpose.ClientAuthentication);
        }

        Assert.Equal((true, false), await ConnectAsync(version, _server, Check));

        // The client keeps its ticket, as it gets no alert.
        Assert.Equal((false, true), await ConnectAsync(version, _server, Check));
        Assert.Equal((false, true), await ConnectAsync(version, _server, Check));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_of_an_intermediate_resumes_its_session(SslProtocols version)
    {
        Assert.Equal((true, false), await ConnectAsync(version, _server, Checked(Bundle(_root))));
        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));
        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root, Authority("another")))));
        Assert.Empty(_refusals);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_ticket_does_not_bring_a_client_of_a_removed_authority_past(SslProtocols version)
    {
        await ConnectAsync(version, _server, Checked(Bundle(_root)));
        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));

        Assert.Equal((false, true), await ConnectAsync(version, _server, Checked(Bundle(Authority("another")))));

        Assert.Equal(TrustRefusal.Untrusted, Assert.Single(_refusals).Refusal);
        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_ticket_does_not_bring_a_revoked_client_past(SslProtocols version)
    {
        await ConnectAsync(version, _server, Checked(Bundle(_root)));
        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));

        var ofLeaf = new TestRevocationList { Issuer = _intermediate, NextUpdate = Now.AddDays(1), Serials = [TestRevocationList.SerialOf(_clientPair.CertificatePem)] };
        Assert.Equal((false, true), await ConnectAsync(version, _server, Checked(Bundle([_root, _intermediate], ofLeaf))));
        var ofIntermediate = ofLeaf with { Issuer = _root, Serials = [TestRevocationList.SerialOf(_intermediate.CertificatePem)] };
        Assert.Equal((false, true), await ConnectAsync(version, _server, Checked(Bundle([_root], ofIntermediate))));

        Assert.Equal([TrustRefusal.Revoked, TrustRefusal.Revoked], _refusals.Select(refusal => refusal.Refusal));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_that_was_refused_is_accepted_with_the_session_of_then_once_its_authority_is_trusted(SslProtocols version)
    {
        Assert.Equal((false, false), await ConnectAsync(version, _server, Checked(Bundle(Authority("another")))));

        Assert.Equal((true, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task The_sessions_of_a_server_end_with_its_certificate_and_not_with_a_context(SslProtocols version)
    {
        var pair = Leaf(_root);
        await ConnectAsync(version, Context(pair), Checked(Bundle(_root)));
        Assert.Equal((true, true), await ConnectAsync(version, Context(pair), Checked(Bundle(_root))));

        var next = Context(Leaf(_root));
        Assert.Equal((true, false), await ConnectAsync(version, next, Checked(Bundle(_root))));
        Assert.Equal((true, true), await ConnectAsync(version, next, Checked(Bundle(_root))));

        // The intermediates belong to it, too.
        var (issued, trusted) = (Leaf(_intermediate), Bundle(_root, _intermediate));
        foreach (var context in (SslStreamCertificateContext[])[Context(issued), Context(issued, _intermediate)])
        {
            Assert.Equal((true, false), await ConnectAsync(version, context, Checked(Bundle(_root)), trusted));
            Assert.Equal((true, true), await ConnectAsync(version, context, Checked(Bundle(_root)), trusted));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_with_a_new_certificate_does_not_resume_the_session_of_the_old(SslProtocols version)
    {
        await ConnectAsync(version, _server, Show);
        var next = Context(Leaf(_intermediate), _intermediate);

        Assert.Equal((true, false), await ConnectAsync(version, _server, Show, client: next));

        Assert.Equal([(_client.TargetCertificate.Subject, 1), (next.TargetCertificate.Subject, 1)], _seen);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_session_without_a_client_certificate_does_not_bring_a_client_past_where_one_is_required(SslProtocols version)
    {
        Assert.Equal((true, false), await ConnectAsync(version, _server, _ => { }));

        Assert.Equal((false, true), await ConnectAsync(version, _server, Checked(Bundle(_root))));

        Assert.Equal(TrustRefusal.NotPresented, Assert.Single(_refusals).Refusal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_session_with_a_client_certificate_fails_where_none_is_asked_for_unless_the_options_name_other_protocols(SslProtocols version)
    {
        await ConnectAsync(version, _server, Checked(Bundle(_root)));

        // SslStream checks the certificate that the session contains by the trust of the system.
        Assert.Equal((false, true), await ConnectAsync(version, _server, _ => { }));

        Assert.Equal((true, false), await ConnectAsync(version, _server, options => options.EnabledSslProtocols = SslProtocols.None));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_checks_the_server_of_a_resumed_session_by_the_rules_of_now(SslProtocols version)
    {
        var server = Context(Leaf(_intermediate), _intermediate);
        Assert.Equal((true, false), await ConnectAsync(version, server, _ => { }, Bundle(_root)));
        Assert.Equal((true, true), await ConnectAsync(version, server, _ => { }, Bundle(_root)));

        Assert.False((await ConnectAsync(version, server, _ => { }, Bundle(Authority("another")))).IsAccepted);
        var list = new TestRevocationList { Issuer = _root, NextUpdate = Now.AddDays(1), Serials = [TestRevocationList.SerialOf(_intermediate.CertificatePem)] };
        Assert.False((await ConnectAsync(version, server, _ => { }, Bundle([_root], list))).IsAccepted);

        Assert.Equal([TrustRefusal.Untrusted, TrustRefusal.Revoked], _refusals.Select(refusal => refusal.Refusal));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task A_client_refuses_a_server_of_another_name(SslProtocols version)
    {
        Assert.False((await ConnectAsync(version, _server, _ => { }, Bundle(_root), host: "other.example")).IsAccepted);

        Assert.Equal(TrustRefusal.WrongName, Assert.Single(_refusals).Refusal);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, "", false)]
    [InlineData(SslProtocols.Tls12, "-no_ticket", true)]
    [InlineData(SslProtocols.Tls13, "", false)]
    public async Task OpenSSL_says_the_same_and_keeps_the_chain_in_sessions_without_a_ticket_alone(SslProtocols version, string option, bool keepsChain)
    {
        void NotResumed(SslServerAuthenticationOptions options)
        {
            Show(options);
            options.AllowTlsResume = false;
        }

        Assert.Equal("New", await OpenSslAsync(version, Show, option, "-sess_out"));
        Assert.Equal("Reused", await OpenSslAsync(version, Show, option, "-sess_in"));
        Assert.Equal("New", await OpenSslAsync(version, NotResumed, option, "-sess_in"));

        Assert.Equal([1, keepsChain ? 1 : 0, 1], _seen.Select(seen => seen.Intermediates));
    }

    private static TestAuthority Authority(string name, TestAuthority? issuer = null) => new(name, issuer, Now.AddDays(-30), Now.AddDays(30));

    private static TestPair Leaf(TestAuthority issuer) => new TestLeaf { Issuer = issuer, NotBefore = Now.AddDays(-1), NotAfter = Now.AddDays(1) }.Make();

    private static SslStreamCertificateContext Context(TestPair pair, params TestAuthority[] chain) => SslStreamCertificateContext.Create(
        X509Certificate2.CreateFromPem(pair.CertificatePem, pair.KeyPem),
        [.. chain.Select(authority => X509Certificate2.CreateFromPem(authority.CertificatePem))],
        offline: true);

    private TrustBundle Bundle(params TestAuthority[] authorities) => Bundle(authorities, []);

    private TrustBundle Bundle(TestAuthority[] authorities, params TestRevocationList[] lists)
    {
        var content = new BundleContent(
            [new BundleFile("/ca.pem", Encoding.ASCII.GetBytes(string.Concat(authorities.Select(authority => authority.CertificatePem))))],
            [.. lists.Select(list => new BundleFile("/ca.crl", list.Make()))]);
        var verdict = BundleJudge.Of(content, served: null, Now, new TrustBundleOptions { CertificatePaths = ["/ca.pem"] });
        return Assert.IsType<Verdict.Accepted>(verdict).Serve("peers", 1, _memory);
    }

    private Action<SslServerAuthenticationOptions> Checked(TrustBundle bundle) =>
        options => bundle.HandshakeCheck(() => Now, _refusals.Enqueue).Apply(options, isRequired: true);

    /// <summary>Notes what a server is shown of its client.</summary>
    private void Show(SslServerAuthenticationOptions options)
    {
        options.ClientCertificateRequired = true;
        options.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            _seen.Enqueue((certificate!.Subject, chain!.ChainPolicy.ExtraStore.Count));
            return certificate is not null;
        };
    }

    /// <summary>One connection.</summary>
    /// <returns>Whether both sides have accepted, and whether a session was resumed.</returns>
    private async Task<(bool IsAccepted, bool IsResumed)> ConnectAsync(
        SslProtocols version,
        SslStreamCertificateContext server,
        Action<SslServerAuthenticationOptions> apply,
        TrustBundle? servers = null,
        SslStreamCertificateContext? client = null,
        string host = "localhost")
    {
        await KeepAsync(version, server, client ?? _client);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, Options(version, server, apply), staysOpen: true);

        using var connection = new TcpClient();
        await connection.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var recorder = new HandshakeRecorder(connection.GetStream());
        var options = new SslClientAuthenticationOptions { TargetHost = host, ClientCertificateContext = client ?? _client, EnabledSslProtocols = version };
        (servers ?? Bundle(_root)).HandshakeCheck(() => Now, _refusals.Enqueue).Apply(options);
        var isAccepted = false;
        await using (var tls = new SslStream(recorder))
        {
            try
            {
                await tls.AuthenticateAsClientAsync(options).WaitAsync(Generous);
                isAccepted = await tls.ReadAsync(new byte[1]).AsTask().WaitAsync(Generous) == 1;
            }
            catch (Exception error) when (error is AuthenticationException or IOException)
            {
                // One of both has refused; the result says so.
            }
        }

        await serving.WaitAsync(Generous);
        return (isAccepted, recorder.IsResumed);
    }

    /// <summary>
    /// Keeps a connection open, by another host name. .NET drops the sessions of certificates that no connection uses once the process has used a few
    /// dozen of them, as all tests together do (SafeHandleCache).
    /// </summary>
    private async Task KeepAsync(SslProtocols version, SslStreamCertificateContext server, SslStreamCertificateContext client)
    {
        if (!_kept.Add((version, server, client)))
            return;

        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var accepting = listener.AcceptTcpClientAsync();
        var connection = new TcpClient();
        _open.Add(connection);
        await connection.ConnectAsync((IPEndPoint)listener.LocalEndpoint);
        var accepted = await accepting.WaitAsync(Generous);
        _open.Add(accepted);
        var (atServer, atClient) = (new SslStream(accepted.GetStream()), new SslStream(connection.GetStream()));
        _open.AddRange([atServer, atClient]);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "kept.example",
            ClientCertificateContext = client,
            EnabledSslProtocols = version, // They belong to the sessions of a client, too.
            RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
        };
        await Task.WhenAll(atServer.AuthenticateAsServerAsync(Options(version, server, _ => { })), atClient.AuthenticateAsClientAsync(options)).WaitAsync(Generous);
    }

    private static SslServerAuthenticationOptions Options(SslProtocols version, SslStreamCertificateContext server, Action<SslServerAuthenticationOptions> apply)
    {
        var options = new SslServerAuthenticationOptions { ServerCertificateContext = server, EnabledSslProtocols = version };
        apply(options);
        return options;
    }

    private static async Task ServeAsync(TcpListener listener, SslServerAuthenticationOptions options, bool staysOpen)
    {
        using var connection = await listener.AcceptTcpClientAsync();
        await using var tls = new SslStream(connection.GetStream());
        try
        {
            await tls.AuthenticateAsServerAsync(options);
            await tls.WriteAsync(new byte[1]);
            if (staysOpen)
                await tls.CopyToAsync(Stream.Null); // Until the client closes.
        }
        catch (Exception error) when (error is AuthenticationException or IOException)
        {
            // The client gets no byte.
        }
    }

    /// <returns>The first word of the line by which <c>openssl s_client</c> says whether it has resumed a session.</returns>
    private async Task<string> OpenSslAsync(SslProtocols version, Action<SslServerAuthenticationOptions> apply, params string[] arguments)
    {
        var (pair, chain, session) = (Path.Combine(_directory.FullName, "pair"), Path.Combine(_directory.FullName, "chain"), Path.Combine(_directory.FullName, "session"));
        await File.WriteAllTextAsync(pair, _clientPair.CertificatePem + _clientPair.KeyPem);
        await File.WriteAllTextAsync(chain, _intermediate.CertificatePem);
        await KeepAsync(version, _server, _client);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync(listener, Options(version, _server, apply), staysOpen: false);
        var start = new ProcessStartInfo("openssl", [
            "s_client", "-connect", $"127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}", version == SslProtocols.Tls12 ? "-tls1_2" : "-tls1_3",
            "-cert", pair, "-key", pair, "-cert_chain", chain, .. arguments.Where(argument => argument.Length > 0), session])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var openssl = Process.Start(start)!;
        try
        {
            // It ends when the server closes, which is after the ticket of TLS 1.3.
            var (output, errors) = (openssl.StandardOutput.ReadToEndAsync(), openssl.StandardError.ReadToEndAsync());
            await openssl.WaitForExitAsync().WaitAsync(Generous);
            await serving.WaitAsync(Generous);
            await errors;
            return (await output).Split('\n').Single(IsSummary).Split(',')[0];
        }
        finally
        {
            openssl.Kill(); // Nothing happens where it has ended.
        }
    }

    private static bool IsSummary(string line) => line.StartsWith("New,", StringComparison.Ordinal) || line.StartsWith("Reused,", StringComparison.Ordinal);
}
