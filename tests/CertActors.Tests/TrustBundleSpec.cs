using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;
using CertActors.Verifying;

namespace CertActors.Tests;

/// <summary>Which peers a trust bundle accepts, as rows: the bundle, the peer and what it sends, and what comes of it.</summary>
public sealed class TrustBundleSpec
{
    private const string Accepted = "accepted";
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const X509KeyUsageFlags ForAuthorities = X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign;

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(5);
    private static readonly TestAuthority Root = new("root");
    private static readonly TestAuthority Intermediate = new("intermediate", Root);
    private static readonly TestAuthority Lower = new("lower", Intermediate);
    private static readonly TestAuthority Foreign = new("foreign");
    private static readonly TestAuthority SameName = new("root");
    private static readonly TestAuthority Expired = new("expired", notAfter: Now.AddDays(-1));
    private static readonly TestAuthority Early = new("early", notBefore: Now.AddDays(1));
    private static readonly TestAuthority ExpiredIntermediate = new("expired intermediate", Root, notAfter: Now.AddDays(-1));
    private static readonly TestAuthority EarlyIntermediate = new("early intermediate", Root, notBefore: Now.AddDays(1));
    private static readonly TestAuthority Renewed = new("expired", sameKeyAs: Expired);
    private static readonly TestAuthority Short = new("short", Root, pathLength: 0);
    private static readonly TestAuthority BelowShort = new("below short", Short);
    private static readonly TestAuthority NoAuthority = new("no authority", Root, isAuthority: false);
    private static readonly TestAuthority ListsOnly = new("lists only", Root, usage: X509KeyUsageFlags.CrlSign);
    private static readonly TestAuthority ForServers = new("for servers", Root, purposes: [ServerAuthentication]);
    private static readonly TestAuthority ConstrainedRoot = new("constrained root", extension: TestAuthority.NamesBelow("example.org"));
    private static readonly TestAuthority Constrained = new("constrained", Root, extension: TestAuthority.NamesBelow("example.org"));
    private static readonly TestAuthority Cross = new("foreign", Root, sameKeyAs: Foreign);

    // Two keys of one name, as after a recreated authority, and nothing in what they issue that tells which has signed.
    private static readonly TestAuthority Old = new("anonymous", hasKeyId: false);
    private static readonly TestAuthority New = new("anonymous", hasKeyId: false);
    private static readonly TestAuthority OldIntermediate = new("below anonymous", Old, hasKeyId: false);

    private static readonly TestLeaf Good = new() { Purposes = [ClientAuthentication, ServerAuthentication] };
    private static readonly string OfRoot = Issued(Root);
    private static readonly string OfIntermediate = Issued(Intermediate);
    private static readonly string OfLower = Issued(Lower);
    private static readonly string SelfSigned = Good.Make().CertificatePem;
    private static readonly string OtherSelfSigned = Good.Make().CertificatePem;
    private static readonly string ExpiredSelfSigned = (Good with { NotAfter = Now.AddDays(-1) }).Make().CertificatePem;
    private static readonly string ServerSelfSigned = (Good with { Purposes = [ServerAuthentication] }).Make().CertificatePem;
    private static readonly string OfNew = Issued(New);
    private static readonly string OfExpired = Issued(Expired);
    private static readonly TestRevocationList ListOfRoot = new() { Issuer = Root };
    private static readonly TestRevocationList ListOfIntermediate = new() { Issuer = Intermediate };

    /// <summary>What it's about; the bundle; the leaf; what is sent with it; the refusal, or none.</summary>
    private static readonly (string What, Files Bundle, string Leaf, string Presented, string Result)[] Rows =
    [
        ("a leaf of the root", new(Root), OfRoot, "", Accepted),
        ("a leaf of an intermediate that is sent", new(Root), OfIntermediate, Pem(Intermediate), Accepted),
        ("a leaf of an intermediate that is not sent", new(Root), OfIntermediate, "", nameof(TrustRefusal.Untrusted)),
        ("an intermediate in the bundle beside its root", new(Root, Intermediate), OfIntermediate, "", Accepted),
        ("an intermediate in the bundle alone", new(Intermediate), OfIntermediate, "", Accepted),
        ("an intermediate in the bundle alone, and sent with its root", new(Intermediate), OfIntermediate, Pem(Intermediate, Root), Accepted),
        ("a leaf below an intermediate of the bundle", new(Intermediate), OfLower, Pem(Lower), Accepted),
        ("a leaf below an intermediate of the bundle, with the root", new(Intermediate), OfLower, Pem(Root, Lower, Intermediate), Accepted),
        ("a leaf above an intermediate of the bundle", new(Intermediate), OfRoot, Pem(Root), nameof(TrustRefusal.Untrusted)),
        ("what is sent, in the wrong order and with others", new(Root), OfLower, Pem(Foreign, Intermediate, Root, Lower), Accepted),
        ("a foreign leaf", new(Root), Issued(Foreign), "", nameof(TrustRefusal.Untrusted)),
        ("a foreign leaf with its root", new(Root), Issued(Foreign), Pem(Foreign), nameof(TrustRefusal.Untrusted)),
        ("a leaf of a foreign root with the name of ours", new(Root), Issued(SameName), Pem(SameName), nameof(TrustRefusal.Untrusted)),
        ("a foreign root that ours has certified", new(Root), Issued(Foreign), Pem(Cross), Accepted),
        ("a self-signed leaf", new(Root), SelfSigned, "", nameof(TrustRefusal.Untrusted)),
        ("a self-signed leaf that is pinned", new(Root) { Pinned = SelfSigned }, SelfSigned, "", Accepted),
        ("another self-signed leaf than the pinned", new(Root) { Pinned = SelfSigned }, OtherSelfSigned, "", nameof(TrustRefusal.Untrusted)),
        ("an issued leaf that is pinned", new(Foreign) { Pinned = OfRoot }, OfRoot, "", Accepted),
        ("a leaf that a pinned leaf has signed", new(Foreign) { Pinned = Pem(NoAuthority) }, Issued(NoAuthority), Pem(Root), nameof(TrustRefusal.ConstraintViolated)),
        ("an expired leaf that is pinned", new(Root) { Pinned = ExpiredSelfSigned }, ExpiredSelfSigned, "", nameof(TrustRefusal.Expired)),
        ("a pinned leaf for another purpose", new(Root) { Pinned = ServerSelfSigned }, ServerSelfSigned, "", nameof(TrustRefusal.WrongPurpose)),
        ("the certificate of the bundle itself", new(Root), Pem(Root), "", Accepted),

        ("an expired leaf", new(Root), Issued(Root, Good with { NotAfter = Now.AddDays(-1) }), "", nameof(TrustRefusal.Expired)),
        ("an early leaf", new(Root), Issued(Root, Good with { NotBefore = Now.AddDays(1) }), "", nameof(TrustRefusal.NotYetValid)),
        ("an expired intermediate", new(Root), Issued(ExpiredIntermediate), Pem(ExpiredIntermediate), nameof(TrustRefusal.Expired)),
        ("an expired intermediate of the bundle", new(ExpiredIntermediate), Issued(ExpiredIntermediate), "", nameof(TrustRefusal.Expired)),
        ("an expired root", new(Expired), Issued(Expired), "", nameof(TrustRefusal.Expired)),
        ("an expired root beside its renewal", new(Expired, Renewed), Issued(Expired), "", Accepted),
        ("an expired root in the bundle, and its renewal sent", new(Expired), Issued(Expired), Pem(Renewed), nameof(TrustRefusal.Expired)),
        ("an early intermediate of the bundle", new(EarlyIntermediate), Issued(EarlyIntermediate), "", nameof(TrustRefusal.NotYetValid)),
        ("an early root", new(Early), Issued(Early), "", nameof(TrustRefusal.NotYetValid)),

        ("a leaf without a purpose", new(Root), Issued(Root, Good with { Purposes = null }), "", Accepted),
        ("a leaf for servers", new(Root), Issued(Root, Good with { Purposes = [ServerAuthentication] }), "", nameof(TrustRefusal.WrongPurpose)),
        ("an intermediate for servers", new(Root), Issued(ForServers), Pem(ForServers), nameof(TrustRefusal.WrongPurpose)),
        ("a path that is too long", new(Root), Issued(BelowShort), Pem(Short, BelowShort), nameof(TrustRefusal.ConstraintViolated)),
        ("an anchor whose path is too long", new(Short), Issued(BelowShort), Pem(BelowShort), nameof(TrustRefusal.ConstraintViolated)),
        ("an issuer that is no authority", new(Root), Issued(NoAuthority), Pem(NoAuthority), nameof(TrustRefusal.ConstraintViolated)),
        ("an issuer that may only sign lists", new(Root), Issued(ListsOnly), Pem(ListsOnly), nameof(TrustRefusal.ConstraintViolated)),
        ("an authority as the leaf", new(Root), Issued(Root, Good with { IsAuthority = true, Usage = ForAuthorities | X509KeyUsageFlags.DigitalSignature }), "", Accepted),
        ("a name that the root may not certify", new(ConstrainedRoot), Issued(ConstrainedRoot), "", nameof(TrustRefusal.ConstraintViolated)),
        ("a name that an intermediate of the bundle may not certify", new(Constrained), Issued(Constrained), "", nameof(TrustRefusal.ConstraintViolated)),
        ("a name that it may certify", new(Constrained), Issued(Constrained, Good with { Names = ["a.example.org"] }), "", Accepted),
        ("an unknown critical extension", new(Root), WithCriticalExtension(Root), "", nameof(TrustRefusal.ConstraintViolated)),

        ("the first of two keys of one name", new(Old, New), Issued(Old), "", Accepted),
        ("the second of two keys of one name", new(Old, New), Issued(New), "", Accepted),
        ("the first of two keys above an intermediate", new(New, Old), Issued(OldIntermediate), Pem(OldIntermediate), Accepted),
        ("the second of two keys above an intermediate", new(Old, New), Issued(OldIntermediate), Pem(OldIntermediate), Accepted),
        ("a third key of that name", new(Old, New), Issued(new TestAuthority("anonymous", hasKeyId: false)), "", nameof(TrustRefusal.Untrusted)),

        ("a list without the leaf", new(Root) { Lists = [ListOfRoot with { Serials = [[1], [2, 3]] }] }, OfRoot, "", Accepted),
        ("a list with the leaf", new(Root) { Lists = [ListOfRoot with { Serials = [[1], Serial(OfRoot)] }] }, OfRoot, "", nameof(TrustRefusal.Revoked)),
        ("a list of another authority with the leaf's serial number", new(Root, Foreign) { Lists = [new() { Issuer = Foreign, Serials = [Serial(OfRoot)] }] }, OfRoot, "", Accepted),
        ("a list of another key of that name with the leaf's serial number", new(Old, New) { Lists = [new() { Issuer = Old, Serials = [Serial(OfNew)] }] }, OfNew, "", Accepted),
        ("a list of a root with the intermediate", new(Root) { Lists = [ListOfRoot with { Serials = [Serial(Pem(Intermediate))] }] }, OfIntermediate, Pem(Intermediate), nameof(TrustRefusal.Revoked)),
        ("a list of a root with the intermediate of the bundle", new(Root, Intermediate) { Lists = [ListOfRoot with { Serials = [Serial(Pem(Intermediate))] }] }, OfIntermediate, "", nameof(TrustRefusal.Revoked)),
        ("a list of an intermediate with the leaf", new(Root, Intermediate) { Lists = [ListOfIntermediate with { Serials = [Serial(OfIntermediate)] }] }, OfIntermediate, "", nameof(TrustRefusal.Revoked)),
        ("a list of an intermediate alone with the leaf", new(Intermediate) { Lists = [ListOfIntermediate with { Serials = [Serial(OfIntermediate)] }] }, OfIntermediate, "", nameof(TrustRefusal.Revoked)),
        ("a list of an authority that was renewed", new(Expired) { Pinned = Pem(Renewed), Lists = [new() { Issuer = Expired, Serials = [Serial(OfExpired)] }] }, OfExpired, "", nameof(TrustRefusal.Revoked)),
        ("a stale list", new(Root) { Lists = [ListOfRoot with { NextUpdate = Now.AddDays(-1) }] }, OfRoot, "", nameof(TrustRefusal.StaleRevocationList)),
        ("a stale list where that is allowed", new(Root) { Lists = [ListOfRoot with { NextUpdate = Now.AddDays(-1) }], AllowStale = true }, OfRoot, "", Accepted),
        ("a stale list with the leaf, where that is allowed", new(Root) { Lists = [ListOfRoot with { NextUpdate = Now.AddDays(-1), Serials = [Serial(OfRoot)] }], AllowStale = true }, OfRoot, "", nameof(TrustRefusal.Revoked)),
        ("a stale list of another authority", new(Root, Foreign) { Lists = [new() { Issuer = Foreign, NextUpdate = Now.AddDays(-1) }] }, OfRoot, "", Accepted),
        ("a stale list, and above it a list with the intermediate", new(Root, Intermediate) { Lists = [ListOfRoot with { Serials = [Serial(Pem(Intermediate))] }, ListOfIntermediate with { NextUpdate = Now.AddDays(-1) }] }, OfIntermediate, "", nameof(TrustRefusal.Revoked)),
        ("a list without an end", new(Root) { Lists = [ListOfRoot with { NextUpdate = null }] }, OfRoot, "", Accepted),
    ];

    public static TheoryData<string> Whats => [.. Rows.Select(row => row.What)];

    [Theory]
    [MemberData(nameof(Whats))]
    public void Each_peer_is_accepted_or_refused_for_its_reason(string what)
    {
        var (_, files, leaf, presented, expected) = Rows.Single(row => row.What == what);

        var result = Verify(files.ToBundle(), leaf, presented);

        Assert.Equal(expected, result.Refusal?.ToString() ?? Accepted);
        Assert.Equal(result.Refusal is null, result.IsAccepted);
        if (!result.IsAccepted)
            Assert.Contains("is refused: ", result.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_server_must_have_a_certificate_for_servers()
    {
        var bundle = new Files(Root).ToBundle();

        Assert.Null(Verify(bundle, Issued(Root, Good with { Purposes = [ServerAuthentication] }), "", CertificatePurpose.ServerAuthentication).Refusal);
        Assert.Equal(
            TrustRefusal.WrongPurpose,
            Verify(bundle, Issued(Root, Good with { Purposes = [ClientAuthentication] }), "", CertificatePurpose.ServerAuthentication).Refusal);
    }

    [Fact]
    public void A_leaf_whose_signature_does_not_fit_is_refused_at_every_place_of_the_anchor()
    {
        foreach (var (anchor, leaf, presented) in ((TestAuthority, string, string)[])[
            (Root, OfRoot, ""), (Intermediate, OfIntermediate, ""), (Root, OfIntermediate, Pem(Intermediate)), (Intermediate, OfLower, Pem(Lower))])
        {
            var forged = Der.InPem(leaf, der =>
            {
                der[^1] ^= 1;
                return der;
            });

            var result = Verify(new Files(anchor).ToBundle(), forged, presented);

            Assert.Equal(TrustRefusal.Untrusted, result.Refusal);
            Assert.Contains("not signed", result.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void An_intermediate_whose_signature_does_not_fit_is_refused()
    {
        var forged = Der.InPem(Pem(Intermediate), der =>
        {
            der[^1] ^= 1;
            return der;
        });

        Assert.Equal(TrustRefusal.Untrusted, Verify(new Files(Root).ToBundle(), OfIntermediate, forged).Refusal);
    }

    [Fact]
    public void A_leaf_that_is_sent_alone_leads_over_the_intermediates_of_chains_that_were_accepted()
    {
        var memory = new IntermediateMemory();
        var bundle = new Files(Root).ToBundle(memory);
        Assert.Equal(TrustRefusal.Untrusted, Verify(bundle, OfLower, "").Refusal);

        Assert.Null(Verify(bundle, OfLower, Pem(Lower, Intermediate)).Refusal);

        Assert.Null(Verify(bundle, OfLower, "").Refusal);
        Assert.Null(Verify(bundle, Issued(Lower), "").Refusal);
        Assert.Null(Verify(bundle, OfIntermediate, "").Refusal);
        Assert.Null(Verify(new Files(Root).ToBundle(memory), OfLower, "").Refusal);
    }

    [Fact]
    public void What_is_remembered_is_verified_like_what_is_sent()
    {
        var memory = new IntermediateMemory();
        Assert.Null(Verify(new Files(Root).ToBundle(memory), OfLower, Pem(Lower, Intermediate)).Refusal);

        Assert.Equal(TrustRefusal.Untrusted, Verify(new Files(Foreign).ToBundle(memory), OfLower, "").Refusal);
        var revoking = new Files(Root) { Lists = [ListOfRoot with { Serials = [Serial(Pem(Intermediate))] }] };
        Assert.Equal(TrustRefusal.Revoked, Verify(revoking.ToBundle(memory), OfLower, "").Refusal);
        Assert.Equal(TrustRefusal.Expired, Verify(new Files(Root).ToBundle(memory), OfLower, "", now: Now.AddYears(30)).Refusal);
        Assert.Equal(TrustRefusal.Untrusted, Verify(new Files(Root).ToBundle(memory), Issued(new TestAuthority("lower", Foreign)), "").Refusal);
    }

    [Fact]
    public void A_leaf_that_was_refused_leads_over_its_own_intermediates_once_its_authority_is_trusted()
    {
        var memory = new IntermediateMemory();
        Assert.Equal(TrustRefusal.Untrusted, Verify(new Files(Foreign).ToBundle(memory), OfLower, Pem(Lower, Intermediate)).Refusal);

        var later = new Files(Foreign, Root).ToBundle(memory);

        Assert.Equal(TrustRefusal.Untrusted, Verify(later, Issued(Lower), "").Refusal);
        Assert.Null(Verify(later, OfLower, "").Refusal);
        Assert.Null(Verify(later, Issued(Lower), "").Refusal);
    }

    [Fact]
    public void A_refusal_names_public_facts_that_a_log_can_print()
    {
        var name = new X500DistinguishedNameBuilder();
        name.AddCommonName("evil\u001b[31m\nname");
        name.AddOrganizationName(new string('x', 50_000));
        var leaf = Issued(Foreign, Good with { Subject = name.Build() });

        var message = Verify(new Files(Root).ToBundle(), leaf, "").Message;

        Assert.Contains("\\u{1B}", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.InRange(message.Length, 100, 1_000);
        Assert.Contains(Convert.ToHexString(Serial(leaf)), message, StringComparison.Ordinal);
        Assert.Contains("CN=foreign", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bundle_prints_its_public_facts_alone()
    {
        var bundle = new Files(Root, Foreign) { Lists = [ListOfRoot with { Serials = [[1], [2]] }] }.ToBundle();

        Assert.Equal("clients generation 7", bundle.ToString());
        Assert.Equal(["CN=root", "CN=foreign"], bundle.Authorities.Select(authority => authority.Subject));
        var list = Assert.Single(bundle.RevocationLists);
        Assert.Equal(("CN=root", 2, TestTime.Start, TestTime.Start.AddYears(10)), (list.Issuer, list.Count, list.ThisUpdate, list.NextUpdate));
    }

    [Fact]
    public void What_fails_is_refused()
    {
        using var leaf = X509Certificate2.CreateFromPem(OfIntermediate);
        using var disposed = X509Certificate2.CreateFromPem(Pem(Intermediate));
        disposed.Dispose();

        var result = new Files(Root).ToBundle().Verify(leaf, [disposed], CertificatePurpose.ClientAuthentication, Now);
        var unknown = new Files(Root).ToBundle().Verify(leaf, null, (CertificatePurpose)7, Now);
        leaf.Dispose();
        var gone = new Files(Root).ToBundle().Verify(leaf, null, CertificatePurpose.ClientAuthentication, Now);

        Assert.Equal([TrustRefusal.Malformed, TrustRefusal.Malformed, TrustRefusal.Malformed], [result.Refusal, unknown.Refusal, gone.Refusal]);
    }

    private static TrustResult Verify(
        TrustBundle bundle, string leafPem, string presentedPem, CertificatePurpose purpose = CertificatePurpose.ClientAuthentication, DateTimeOffset? now = null)
    {
        using var leaf = X509Certificate2.CreateFromPem(leafPem);
        X509Certificate2Collection presented = [];
        presented.ImportFromPem(presentedPem);
        return bundle.Verify(leaf, presented, purpose, now ?? Now);
    }

    private static string Pem(params TestAuthority[] authorities) => string.Concat(authorities.Select(authority => authority.CertificatePem));

    private static string Issued(TestAuthority issuer, TestLeaf? leaf = null) => ((leaf ?? Good) with { Issuer = issuer }).Make().CertificatePem;

    private static byte[] Serial(string pem) => TestRevocationList.SerialOf(pem);

    private static string WithCriticalExtension(TestAuthority issuer)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=critical", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension("1.3.6.1.4.1.99999.1", [0x05, 0x00], critical: true));
        return issuer.Issue(request, TestTime.Start, TestTime.Start.AddYears(10));
    }

    /// <summary>The files of a bundle.</summary>
    private sealed record Files(params TestAuthority[] Authorities)
    {
        public string Pinned { get; init; } = "";

        public TestRevocationList[] Lists { get; init; } = [];

        public bool AllowStale { get; init; }

        public TrustBundle ToBundle(IntermediateMemory? memory = null)
        {
            var policy = new TrustBundleOptions { CertificatePaths = ["/ca.pem"], AllowNonAuthorities = true, AllowStaleRevocationLists = AllowStale };
            var content = new BundleContent(
                [new BundleFile("/ca.pem", Encoding.ASCII.GetBytes(Pem(Authorities) + Pinned))],
                [.. Lists.Select(list => new BundleFile("/ca.crl", list.Make()))]);
            var accepted = Assert.IsType<Verdict.Accepted>(BundleJudge.Of(content, served: null, Now, policy));
            return accepted.Serve("clients", 7, memory);
        }
    }
}
