using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Every rule of the judge, as a row: what is served, what comes, and what comes of it.</summary>
public sealed class JudgeSpec
{
    private const string Accepted = "accepted";
    private const string AcceptedWithWarning = "accepted with a warning";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const string AnyPurpose = "2.5.29.37.0";
    private const string Address = "http://example.org/issuer.crt";
    private const X509KeyUsageFlags ForAuthorities = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;
    private const string Sha256WithRsa = "1.2.840.113549.1.1.11";
    private const string EmailProtection = "1.3.6.1.5.5.7.3.4";

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(5);
    private static readonly TestAuthority Root = new("root");
    private static readonly TestAuthority Issuer = new("issuer", Root);
    private static readonly TestAuthority Renewed = new("issuer", Root);
    private static readonly TestAuthority Other = new("other", Issuer);

    private static readonly TestAuthority Past = new("past", Root, notAfter: Now.AddDays(-1));
    private static readonly TestAuthority RenewedPast = new("past", Root, sameKeyAs: Past);
    private static readonly TestAuthority Soon = new("soon", Root, notBefore: Now.AddDays(1));
    private static readonly TestAuthority Anonymous = new("anonymous", Root, hasKeyId: false);
    private static readonly TestAuthority Anonymous2 = new("anonymous", Root, hasKeyId: false);
    private static readonly TestAuthority NoAuthority = new("none", Root, isAuthority: false);
    private static readonly TestAuthority Short = new("short", Root, pathLength: 0);

    private static readonly TestLeaf Good = new() { NotBefore = Now.AddDays(-30), NotAfter = Now.AddDays(60), Names = ["a.example.org", "b.example.org"] };
    private static readonly TestLeaf Expired = Good with { NotAfter = Now.AddDays(-1) };
    private static readonly TestLeaf LongExpired = Good with { NotAfter = Now.AddDays(-2) };
    private static readonly TestLeaf Early = Good with { NotBefore = Now.AddDays(1) };
    private static readonly TestLeaf Shorter = Good with { NotAfter = Now.AddDays(50) };
    private static readonly TestLeaf Narrower = Good with { Names = ["a.example.org"] };
    private static readonly TestLeaf Wild = Good with { Names = ["*.example.org"] };

    private static readonly CertificateOptions Policy = new() { CertificatePath = "/tls.crt", KeyPath = "/tls.key" };

    /// <summary>What it's about; what is served, as PEM, or none; what comes; the policy; the verdict.</summary>
    private static readonly (string Rule, TestPair? Served, TestPair Next, CertificateOptions Policy, string Verdict)[] Rows =
    [
        ("a good pair", null, Good.Make(), Policy, Accepted),
        ("a good pair after another", Good.Make(), Good.Make(), Policy, Accepted),

        ("no usage at all", null, (Good with { Purposes = null }).Make(), Policy, Accepted),
        ("usage as a server", null, (Good with { Purposes = [EmailProtection, ServerAuthentication] }).Make(), Policy, Accepted),
        ("any usage and that as a server", null, (Good with { Purposes = [AnyPurpose, ServerAuthentication] }).Make(), Policy, Accepted),
        ("any usage", null, (Good with { Purposes = [AnyPurpose] }).Make(), Policy, AcceptedWithWarning),
        ("any usage over a good pair", Good.Make(), (Good with { Purposes = [AnyPurpose] }).Make(), Policy, nameof(RejectionReason.PurposeExcluded)),
        ("usage as a client only", null, (Good with { Purposes = [ClientAuthentication] }).Make(), Policy, nameof(RejectionReason.PurposeExcluded)),
        ("usage as a client for a client", null, (Good with { Purposes = [ClientAuthentication] }).Make(), ForClients, Accepted),
        ("usage as a server for a client", null, (Good with { Purposes = [ServerAuthentication] }).Make(), ForClients, nameof(RejectionReason.PurposeExcluded)),

        ("usage as both for both", null, (Good with { Purposes = [ServerAuthentication, ClientAuthentication] }).Make(), ForBoth, Accepted),
        ("no usage at all for both", null, Good.Make(), ForBoth, Accepted),
        ("usage as a server for both", null, (Good with { Purposes = [ServerAuthentication] }).Make(), ForBoth, nameof(RejectionReason.PurposeExcluded)),
        ("usage as a client for both", null, (Good with { Purposes = [ClientAuthentication] }).Make(), ForBoth, nameof(RejectionReason.PurposeExcluded)),
        ("any usage for both", null, (Good with { Purposes = [AnyPurpose, ServerAuthentication] }).Make(), ForBoth, AcceptedWithWarning),

        ("RSA of 2048 bits", null, (Good with { RsaBits = 2048 }).Make(), Policy, Accepted),
        ("RSA of 1024 bits", null, (Good with { RsaBits = 1024 }).Make(), Policy, nameof(RejectionReason.TooWeak)),
        ("SHA-1 with RSA", null, Signed((Good with { RsaBits = 2048 }).Make(), Sha256WithRsa, "1.2.840.113549.1.1.5"), Policy, nameof(RejectionReason.TooWeak)),
        ("SHA-1 with ECDSA", null, Signed(Good.Make(), "1.2.840.10045.4.3.2", "1.2.840.10045.4.1"), Policy, nameof(RejectionReason.TooWeak)),
        ("SHA-1 with RSA-PSS", null, Signed(Pss(), "2.16.840.1.101.3.4.2.1", "1.3.14.3.2.26"), Policy, nameof(RejectionReason.TooWeak)),
        ("SHA-256 with RSA-PSS", null, Pss(), Policy, Accepted),
        ("MD5 with RSA", null, Signed((Good with { RsaBits = 2048 }).Make(), Sha256WithRsa, "1.2.840.113549.1.1.4"), Policy, nameof(RejectionReason.TooWeak)),

        ("an expired first pair", null, Expired.Make(), Policy, AcceptedWithWarning),
        ("an expired first pair where that isn't wanted", null, Expired.Make(), Strict, nameof(RejectionReason.Expired)),
        ("an expired pair over a valid one", Good.Make(), Expired.Make(), Policy, nameof(RejectionReason.Expired)),
        ("an expired pair over one that isn't valid yet", Early.Make(), Expired.Make(), Policy, nameof(RejectionReason.Expired)),
        ("a long expired pair over an expired one", Expired.Make(), LongExpired.Make(), Policy, nameof(RejectionReason.Expired)),
        ("an expired pair over a long expired one", LongExpired.Make(), Expired.Make(), Policy, AcceptedWithWarning),
        ("a valid pair over an expired one", Expired.Make(), Good.Make(), Policy, Accepted),

        ("an early first pair", null, Early.Make(), Policy, AcceptedWithWarning),
        ("an early first pair where that isn't wanted", null, Early.Make(), Strict, nameof(RejectionReason.NotYetValid)),
        ("an early pair over a valid one", Good.Make(), Early.Make(), Policy, nameof(RejectionReason.NotYetValid)),
        ("an early pair over an expired one", Expired.Make(), Early.Make(), Policy, AcceptedWithWarning),

        ("an earlier expiry", Good.Make(), Shorter.Make(), Policy, Accepted),
        ("an earlier expiry by more than is allowed", Good.Make(), Shorter.Make(), Policy with { AllowedExpirySetback = TimeSpan.FromDays(9) }, nameof(RejectionReason.EarlierExpiry)),
        ("an earlier expiry by as much as is allowed", Good.Make(), Shorter.Make(), Policy with { AllowedExpirySetback = TimeSpan.FromDays(10) }, Accepted),
        ("an earlier expiry than an early pair's", Early.Make(), Shorter.Make(), Policy with { AllowedExpirySetback = TimeSpan.Zero }, Accepted),

        ("a name lost that nobody requires", Good.Make(), Narrower.Make(), Policy, Accepted),
        ("a name lost that is required", Good.Make(), Narrower.Make(), Requiring, nameof(RejectionReason.NameLost)),
        ("a name covered by a wildcard from now on", Good.Make(), Wild.Make(), Requiring, Accepted),
        ("a name that a wildcard covered", Wild.Make(), Narrower.Make(), Requiring, nameof(RejectionReason.NameLost)),
        ("a name that was lacking before", Narrower.Make(), Narrower.Make(), Requiring, AcceptedWithWarning),
        ("a name lacking in the first pair", null, Narrower.Make(), Requiring, AcceptedWithWarning),

        ("no alternative name, first", null, (Good with { Names = [] }).Make(), Policy, AcceptedWithWarning),
        ("no alternative name over a good pair", Good.Make(), (Good with { Names = [] }).Make(), Policy, AcceptedWithWarning),
        ("no alternative name for a client", null, (Good with { Names = [] }).Make(), ForClients, Accepted),
        ("no alternative name for both", null, (Good with { Names = [] }).Make(), ForBoth, AcceptedWithWarning),
        ("an address alone", null, (Good with { Names = [], Addresses = [IPAddress.Loopback] }).Make(), Policy, Accepted),
        ("a URI alone", null, (Good with { Names = [], Uris = ["spiffe://example.org/server"] }).Make(), Policy, Accepted),

        ("a chain that grows", Good.Make(), Chain(Issuer), Policy, Accepted),
        ("a chain that changes", Chain(Issuer), Chain(Other, Issuer), Policy, Accepted),
        ("an expired intermediate, first", null, Chain(Past), Policy, AcceptedWithWarning),
        ("an expired intermediate, first, where that isn't wanted", null, Chain(Past), Strict, nameof(RejectionReason.IntermediateExpired)),
        ("an expired intermediate over a good pair", Chain(Issuer), Chain(Past), Policy, nameof(RejectionReason.IntermediateExpired)),
        ("an expired intermediate over a self-signed pair", Good.Make(), Chain(Past), Policy, nameof(RejectionReason.IntermediateExpired)),
        ("an expired intermediate over another", Chain(Past), Chain(Past), Policy, AcceptedWithWarning),
        ("an expired intermediate over an expired leaf", Expired.Make(), Chain(Past), Policy, AcceptedWithWarning),
        ("an expired intermediate over another flaw", Chain(NoAuthority), Chain(Past), Policy, nameof(RejectionReason.IntermediateExpired)),
        ("an expired intermediate that isn't the leaf's issuer", Chain(Issuer), Chain(new TestAuthority("lower", Past), Past), Policy, nameof(RejectionReason.IntermediateExpired)),
        ("an expired intermediate beside its renewal", Chain(Issuer), Chain(Past, RenewedPast), Policy, Accepted),
        ("an early intermediate over a good pair", Chain(Issuer), Chain(Soon), Policy, nameof(RejectionReason.IntermediateNotYetValid)),
        ("an early intermediate, first, where that isn't wanted", null, Chain(Soon), Strict, nameof(RejectionReason.IntermediateNotYetValid)),
        ("the intermediate before a renewed key", Chain(Issuer), Chained(Renewed, Issuer), Policy, nameof(RejectionReason.IntermediateNotIssuer)),
        ("the intermediate before a renewed key, first", null, Chained(Renewed, Issuer), Policy, AcceptedWithWarning),
        ("the intermediate before a renewed key, without identifiers", Chain(Issuer), Chained(Anonymous, Anonymous2), Policy, nameof(RejectionReason.IntermediateNotIssuer)),
        ("both, without identifiers", Chain(Issuer), Chained(Anonymous, Anonymous2, Anonymous), Policy, Accepted),
        ("an intermediate that is no authority", Chain(Issuer), Chain(NoAuthority), Policy, nameof(RejectionReason.IntermediateNotAuthority)),
        ("an intermediate without constraints", Chain(Issuer), Chain(new TestAuthority("plain", Root, isAuthority: null)), Policy, nameof(RejectionReason.IntermediateNotAuthority)),
        ("an intermediate whose key usage has no certificates", Chain(Issuer), Chain(new TestAuthority("signer", Root, usage: X509KeyUsageFlags.CrlSign)), Policy, nameof(RejectionReason.IntermediateNotAuthority)),
        ("a path that is too long", Chain(Issuer), Chain(new TestAuthority("lower", Short), Short), Policy, nameof(RejectionReason.PathTooLong)),
        ("a path as long as it may be", Chain(Issuer), Chain(Short), Policy, Accepted),
        ("an intermediate for clients", Chain(Issuer), Chain(new TestAuthority("clients", Root, purposes: [ClientAuthentication])), Policy, nameof(RejectionReason.PurposeExcluded)),
        ("an intermediate for clients for a client", null, Chain(new TestAuthority("clients", Root, purposes: [ClientAuthentication])), ForClients, Accepted),
        ("an intermediate for clients for both", Chain(Issuer), Chain(new TestAuthority("clients", Root, purposes: [ClientAuthentication])), ForBoth, nameof(RejectionReason.PurposeExcluded)),

        ("a key usage for signatures", null, (Good with { Usage = X509KeyUsageFlags.DigitalSignature }).Make(), Policy, Accepted),
        ("a key usage for CRLs", null, (Good with { Usage = X509KeyUsageFlags.CrlSign }).Make(), Policy, AcceptedWithWarning),
        ("a key usage for CRLs over a good pair", Good.Make(), (Good with { Usage = X509KeyUsageFlags.CrlSign }).Make(), Policy, nameof(RejectionReason.KeyUsageExcluded)),
        ("an RSA key usage for encipherment over a good pair", Good.Make(), (Good with { RsaBits = 2048, Usage = X509KeyUsageFlags.KeyEncipherment }).Make(), Policy, nameof(RejectionReason.KeyUsageExcluded)),
        ("an ECDSA key usage for key agreement", null, Issued(Good with { Usage = X509KeyUsageFlags.KeyAgreement }), Policy, nameof(RejectionReason.KeyUsageExcluded)),
        ("an authority in the leaf's place", Chain(Issuer), Issued(Good with { IsAuthority = true, Usage = ForAuthorities }), Policy, nameof(RejectionReason.LeafIsAuthority)),
        ("an authority in the leaf's place, first", null, Issued(Good with { IsAuthority = true, Usage = ForAuthorities }), Policy, AcceptedWithWarning),
        ("a leaf that is an authority", Chain(Issuer), Issued(Good with { IsAuthority = true }), Policy, AcceptedWithWarning),
        ("a self-signed leaf that is an authority", Chain(Issuer), (Good with { IsAuthority = true }).Make(), Policy, Accepted),
        ("a self-signed authority in the leaf's place", Chain(Issuer), (Good with { IsAuthority = true, Usage = ForAuthorities }).Make(), Policy, nameof(RejectionReason.LeafIsAuthority)),

        ("a chain without the issuer", Chain(Issuer), (Good with { Issuer = Issuer }).Make(), Policy, "lacks the issuer"),
        ("a chain without the issuer's issuer", Chain(Other, Issuer), Chain(Other), Policy, "lacks the issuer"),
        ("a leaf of the served chain's root", Chain(Issuer), (Good with { Issuer = Root, IssuerAddress = Address }).Make(), Policy, Accepted),
        ("a leaf of another root", Chain(Issuer), (Good with { Issuer = new TestAuthority("other root") }).Make(), Policy, Accepted),
        ("a leaf of another intermediate", Chain(Issuer), (Good with { Issuer = Other, IssuerAddress = Address }).Make(), Policy, "lacks the issuer"),
        ("a self-signed pair after a chain", Chain(Issuer), Good.Make(), Policy, Accepted),
        ("a chain without the issuer, as before", (Good with { Issuer = Issuer }).Make(), Good.Make(), Policy, Accepted),
    ];

    public static TheoryData<string> Rules => [.. Rows.Select(row => row.Rule)];

    private static CertificateOptions ForClients => Policy with { Purpose = CertificatePurpose.ClientAuthentication };

    private static CertificateOptions ForBoth => Policy with { Purpose = CertificatePurpose.ServerAuthentication | CertificatePurpose.ClientAuthentication };

    private static CertificateOptions Strict => Policy with { RequireValidFirst = true };

    private static CertificateOptions Requiring => Policy with { RequiredNames = ["a.example.org", "b.example.org"] };

    [Theory]
    [MemberData(nameof(Rules))]
    public void Each_rule_has_its_verdict(string rule)
    {
        var (_, before, next, policy, expected) = Rows.Single(row => row.Rule == rule);
        var served = before is null ? null : Assert.IsType<Verdict.Accepted>(Judge(before, served: null, Policy)).Pair;

        var verdict = Judge(next, served, policy);

        Assert.Equal(expected, verdict switch
        {
            Verdict.Rejected rejected => rejected.Reason.ToString(),
            Verdict.Accepted { Incomplete: not null } => "lacks the issuer",
            Verdict.Accepted { Warnings.Count: 0 } => Accepted,
            Verdict.Accepted => AcceptedWithWarning,
            _ => verdict.GetType().Name,
        });
        if (verdict is Verdict.Rejected { Message: var message })
            Assert.Contains(Policy.CertificatePath, message, StringComparison.Ordinal);
        served?.Dispose();
        (verdict as Verdict.Accepted)?.Pair.Dispose();
    }

    [Fact]
    public void The_same_chain_and_key_are_unchanged_in_whatever_form_and_whatever_the_time()
    {
        var issuer = Issuer.CertificatePem;
        var pair = Chain(Issuer);
        using var served = Assert.IsType<Verdict.Accepted>(Judge(pair, served: null, Policy)).Pair;

        Assert.IsType<Verdict.Unchanged>(Judge(pair, served, Policy));
        Assert.IsType<Verdict.Unchanged>(Judge(pair with { CertificatePem = issuer + pair.CertificatePem.ReplaceLineEndings("\r\n") }, served, Policy));
        Assert.IsType<Verdict.Unchanged>(Judge(pair, served, Policy, Now.AddYears(50)));
    }

    [Fact]
    public void The_same_leaf_with_another_intermediate_is_a_change()
    {
        var root = new TestAuthority("root");
        var one = new TestAuthority("issuer", root);
        var other = new TestAuthority("issuer", root, sameKeyAs: one);
        var leaf = (Good with { Issuer = one }).Make();
        using var served = Assert.IsType<Verdict.Accepted>(Judge(leaf with { CertificatePem = leaf.CertificatePem + one.CertificatePem }, served: null, Policy)).Pair;

        var next = Judge(leaf with { CertificatePem = leaf.CertificatePem + other.CertificatePem }, served, Policy);

        using var pair = Assert.IsType<Verdict.Accepted>(next).Pair;
    }

    private static Verdict Judge(TestPair pair, LoadedPair? served, CertificateOptions policy, DateTimeOffset? now = null)
    {
        using var certificate = Bytes(pair.CertificatePem);
        using var key = Bytes(pair.KeyPem);
        return Reloading.Judging.Judge.Of(new PairContent(certificate, key, Password: null), served, isAccepted: true, trust: null, now ?? Now, policy);
    }

    private static SecretBuffer Bytes(string text)
    {
        var buffer = SecretBuffer.Rent(text.Length);
        System.Text.Encoding.ASCII.GetBytes(text, buffer.Span);
        return buffer;
    }

    private static TestPair Chain(params TestAuthority[] chain) => Chained(chain[0], chain);

    private static TestPair Issued(TestLeaf template)
    {
        var leaf = (template with { Issuer = Issuer }).Make();
        return leaf with { CertificatePem = leaf.CertificatePem + Issuer.CertificatePem };
    }

    private static TestPair Chained(TestAuthority issuer, params TestAuthority[] chain)
    {
        var leaf = (Good with { Issuer = issuer }).Make();
        return leaf with { CertificatePem = leaf.CertificatePem + string.Concat(chain.Select(authority => authority.CertificatePem)) };
    }

    private static TestPair Pss() => (Good with { RsaBits = 2048, Padding = RSASignaturePadding.Pss }).Make();

    // .NET doesn't sign on these: the name of the algorithm is written in the place of another. (The signature is the issuer's business.)
    private static TestPair Signed(TestPair pair, string algorithm, string weakAlgorithm) =>
        pair with { CertificatePem = Der.InPem(pair.CertificatePem, der => Der.WithObjectIdentifiers(der, algorithm, weakAlgorithm)) };
}
