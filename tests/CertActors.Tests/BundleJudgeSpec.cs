using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using CertActors.Reloading.Formats;
using CertActors.Reloading.Judging;
using CertActors.Tests.Support;
using CertActors.Verifying;

namespace CertActors.Tests;

/// <summary>Which files make a trust bundle, and what is warned of.</summary>
public sealed class BundleJudgeSpec
{
    private const string Accepted = "accepted";
    private const string CaPath = "/clients.pem";
    private const string ListPath = "/clients.crl";
    private const string DeltaIndicator = "2.5.29.27";
    private const string DistributionPoint = "2.5.29.28";
    private const string ReasonCode = "2.5.29.21";
    private const string CertificateIssuer = "2.5.29.29";
    private const string Unknown = "1.3.6.1.4.1.99999.1";

    private static readonly DateTimeOffset Now = TestTime.Start.AddYears(5);
    private static readonly TestAuthority Root = new("root");
    private static readonly TestAuthority Other = new("other");
    private static readonly TestAuthority Intermediate = new("intermediate", Root);
    private static readonly TestAuthority OtherRoot = new("root"); // Of the same name, with another key.
    private static readonly TestRevocationList List = new() { Issuer = Root };
    private static readonly TestLeaf Leaf = new();
    private static readonly TrustBundleOptions Policy = new() { CertificatePaths = [CaPath], RevocationListPaths = [ListPath] };

    /// <summary>What it's about; the certificates' file; the lists' files; the options; the verdict, or a part of the only warning.</summary>
    private static readonly (string What, string Certificates, byte[][] Lists, TrustBundleOptions Policy, string Verdict)[] Rows =
    [
        ("a root", Root.CertificatePem, [], Policy, Accepted),
        ("an intermediate alone", Intermediate.CertificatePem, [], Policy, Accepted),
        ("two, with text and Windows line ends", $"Root:\r\n{Root.CertificatePem.ReplaceLineEndings("\r\n")}# other\r\n{Other.CertificatePem}", [], Policy, Accepted),
        ("a byte order mark", "\ufeff" + Root.CertificatePem, [], Policy, Accepted),
        ("the old label", Root.CertificatePem.Replace(" CERTIFICATE", " X509 CERTIFICATE", StringComparison.Ordinal), [], Policy, Accepted),
        ("no byte", "", [], Policy, nameof(RejectionReason.FileEmpty)),
        ("text alone", "# to be written\n", [], Policy, nameof(RejectionReason.CertificateMalformed)),
        ("a truncated second certificate", Root.CertificatePem + Other.CertificatePem[..^40], [], Policy, nameof(RejectionReason.CertificateMalformed)),
        ("a block that is no certificate", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", [], Policy, nameof(RejectionReason.CertificateMalformed)),
        ("DER", Encoding.Latin1.GetString(DerOf(Root)), [], Policy, nameof(RejectionReason.CertificateMalformed)),
        ("OpenSSL's trusted certificates", Root.CertificatePem.Replace(" CERTIFICATE", " TRUSTED CERTIFICATE", StringComparison.Ordinal), [], Policy, nameof(RejectionReason.BlockUnsupported)),
        ("PKCS#7", Root.CertificatePem + "-----BEGIN PKCS7-----\nMAA=\n-----END PKCS7-----\n", [], Policy, nameof(RejectionReason.BlockUnsupported)),
        ("a private key", Root.CertificatePem + TestPair.Make().KeyPem, [], Policy, "contains a private key"),

        ("a leaf", Root.CertificatePem + Leaf.Make().CertificatePem, [], Policy, nameof(RejectionReason.NotAuthority)),
        ("a leaf that says that it's none", (Leaf with { IsAuthority = false }).Make().CertificatePem, [], Policy, nameof(RejectionReason.NotAuthority)),
        ("a leaf where that is allowed", Leaf.Make().CertificatePem, [], Pinned, Accepted),
        ("an authority that may not sign certificates", new TestAuthority("a", usage: X509KeyUsageFlags.CrlSign).CertificatePem, [], Policy, nameof(RejectionReason.NotAuthority)),
        ("an authority of version 1", Version1(), [], Policy, nameof(RejectionReason.NotAuthority)),
        ("an authority of version 1 where that is allowed", Version1(), [], Pinned, Accepted),
        ("an expired authority", new TestAuthority("a", notAfter: Now.AddDays(-1)).CertificatePem, [], Policy, "expired at"),
        ("an authority that isn't valid yet", new TestAuthority("a", notBefore: Now.AddDays(1)).CertificatePem, [], Policy, "not valid before"),
        ("a weak key", Weak(), [], Policy, "RSA key of 1024 bits"),

        ("a list", Root.CertificatePem, [List.Make()], Policy, Accepted),
        ("a list as PEM", Root.CertificatePem, [Ascii(List.MakePem())], Policy, Accepted),
        ("lists of two authorities in a file", Root.CertificatePem + Other.CertificatePem, [Ascii(List.MakePem() + (List with { Issuer = Other }).MakePem())], Policy, Accepted),
        ("a list beside the certificates", Root.CertificatePem + List.MakePem(), [], Policy, Accepted),
        ("a list of version 1", Root.CertificatePem, [(List with { Version = null, Number = null }).Make()], Policy, Accepted),
        ("a list without an end", Root.CertificatePem, [(List with { NextUpdate = null }).Make()], Policy, Accepted),
        ("an authority that may sign lists", new TestAuthority("b", usage: X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign) is var may ? may.CertificatePem : "", [new TestRevocationList { Issuer = may }.Make()], Policy, Accepted),
        ("an authority that may not", new TestAuthority("b", usage: X509KeyUsageFlags.KeyCertSign) is var not ? not.CertificatePem : "", [new TestRevocationList { Issuer = not }.Make()], Policy, nameof(RejectionReason.RevocationListNotSigned)),
        ("an empty list file", Root.CertificatePem, [[]], Policy, nameof(RejectionReason.FileEmpty)),
        ("a list file without a list", Root.CertificatePem, [Ascii("nothing")], Policy, nameof(RejectionReason.RevocationListMalformed)),
        ("a certificate in a list file", Root.CertificatePem, [Ascii(List.MakePem() + Other.CertificatePem)], Policy, nameof(RejectionReason.BlockUnsupported)),
        ("a truncated list", Root.CertificatePem, [List.Make()[..^1]], Policy, nameof(RejectionReason.RevocationListMalformed)),
        ("a truncated list as PEM", Root.CertificatePem, [Ascii(List.MakePem()[..^40])], Policy, nameof(RejectionReason.RevocationListMalformed)),
        ("more than a list in DER", Root.CertificatePem, [[.. List.Make(), 0]], Policy, nameof(RejectionReason.RevocationListMalformed)),
        ("a list of an unknown authority", Other.CertificatePem, [List.Make()], Policy, nameof(RejectionReason.RevocationListNotSigned)),
        ("a list that another key has signed", OtherRoot.CertificatePem, [List.Make()], Policy, nameof(RejectionReason.RevocationListNotSigned)),
        ("a list of the second of two keys", OtherRoot.CertificatePem + Root.CertificatePem, [List.Make()], Policy, Accepted),
        ("a list in another's name", Root.CertificatePem + Other.CertificatePem, [(List with { Signer = Other }).Make()], Policy, nameof(RejectionReason.RevocationListNotSigned)),
        ("a changed list", Root.CertificatePem, [Changed()], Policy, nameof(RejectionReason.RevocationListNotSigned)),
        ("a delta", Root.CertificatePem, [With((DeltaIndicator, true, [0x02, 0x01, 0x01]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("an indirect list", Root.CertificatePem, [With((DistributionPoint, true, [0x30, 0x03, 0x84, 0x01, 0xff]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("a list of some reasons", Root.CertificatePem, [With((DistributionPoint, true, [0x30, 0x04, 0x83, 0x02, 0x05, 0x60]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("a list of attribute certificates", Root.CertificatePem, [With((DistributionPoint, true, [0x30, 0x03, 0x85, 0x01, 0xff]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("a list of leaves alone", Root.CertificatePem, [With((DistributionPoint, true, [0x30, 0x03, 0x81, 0x01, 0xff]))], Policy, Accepted),
        ("an unknown critical extension", Root.CertificatePem, [With((Unknown, true, [0x05, 0x00]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("an unknown extension", Root.CertificatePem, [With((Unknown, false, [0x05, 0x00]))], Policy, Accepted),
        ("an entry of another issuer", Root.CertificatePem, [WithEntry((CertificateIssuer, true, [0x30, 0x00]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("an unknown critical extension of an entry", Root.CertificatePem, [WithEntry((Unknown, true, [0x05, 0x00]))], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("an entry with a reason", Root.CertificatePem, [WithEntry((ReasonCode, false, [0x0a, 0x01, 0x01]), (Unknown, false, [0x05, 0x00]))], Policy, Accepted),
        ("a serial number that is too long", Root.CertificatePem, [(List with { Serials = [[1, .. new byte[32]]] }).Make()], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("a signature with SHA-1", Root.CertificatePem, [(List with { Algorithm = "1.2.840.10045.4.1" }).Make()], Policy, nameof(RejectionReason.TooWeak)),
        ("a signature with another algorithm than is signed", Root.CertificatePem, [(List with { SignedAlgorithm = "1.2.840.10045.4.3.3" }).Make()], Policy, nameof(RejectionReason.RevocationListMalformed)),
        ("a signature with Ed25519", Root.CertificatePem, [(List with { Algorithm = "1.3.101.112" }).Make()], Policy, nameof(RejectionReason.RevocationListUnsupported)),
        ("a stale list", Root.CertificatePem, [(List with { NextUpdate = Now.AddHours(-1) }).Make()], Policy, "peers of this authority are refused"),
        ("a stale list where that is allowed", Root.CertificatePem, [(List with { NextUpdate = Now.AddHours(-1) }).Make()], Policy with { AllowStaleRevocationLists = true }, "later revocations are not known"),
        ("a list of the future", Root.CertificatePem, [(List with { ThisUpdate = Now.AddDays(1) }).Make()], Policy, "in the future"),
        ("an older list beside a newer", Root.CertificatePem, [(List with { ThisUpdate = Now }).Make(), List.Make()], Policy, "contains a newer one"),
        ("an authority that is revoked", Root.CertificatePem + Intermediate.CertificatePem, [(List with { Serials = [TestRevocationList.SerialOf(Intermediate.CertificatePem)] }).Make()], Policy, "revokes"),
    ];

    public static TheoryData<string> Whats => [.. Rows.Select(row => row.What)];

    private static TrustBundleOptions Pinned => Policy with { AllowNonAuthorities = true };

    [Theory]
    [MemberData(nameof(Whats))]
    public void Each_content_has_its_verdict(string what)
    {
        var (_, certificates, lists, policy, expected) = Rows.Single(row => row.What == what);

        var verdict = Judge(certificates, lists, served: null, policy);

        switch (verdict)
        {
            case Verdict.Rejected rejected:
                Assert.Equal(expected, rejected.Reason.ToString());
                Assert.Matches($"{CaPath}|{ListPath}", rejected.Message);
                Assert.EndsWith(".", rejected.Message, StringComparison.Ordinal);
                break;
            case Verdict.Accepted { Loaded: LoadedBundle bundle, Warnings: var warnings }:
                if (expected == Accepted)
                    Assert.Empty(warnings);
                else
                    Assert.Contains(expected, Assert.Single(warnings), StringComparison.Ordinal);
                bundle.Dispose();
                break;
            default:
                Assert.Fail(verdict.ToString());
                break;
        }
    }

    [Fact]
    public void Duplicates_count_once()
    {
        using var bundle = Bundle(Root.CertificatePem + Other.CertificatePem + Root.CertificatePem, [List.Make(), Ascii(List.MakePem())]);

        Assert.Equal(["CN=root", "CN=other"], bundle.Facts.Select(facts => facts.Subject));
        Assert.Single(bundle.RevocationLists);
    }

    [Fact]
    public void The_same_certificates_and_lists_are_unchanged_in_whatever_order_and_form()
    {
        var (list, other) = (List.Make(), (List with { Issuer = Other }).Make());
        using var served = Bundle(Root.CertificatePem + Other.CertificatePem, [list, other]);

        var same = Judge(
            Other.CertificatePem.ReplaceLineEndings("\r\n") + "# twice\n" + Root.CertificatePem + Root.CertificatePem,
            [other, Ascii(PemEncoding.WriteString("X509 CRL", list))],
            served,
            Policy);

        Assert.IsType<Verdict.Unchanged>(same);
    }

    [Fact]
    public void Another_list_or_certificate_is_a_change()
    {
        var list = List.Make();
        using var served = Bundle(Root.CertificatePem, [list]);

        Assert.Equal([], Warnings(Root.CertificatePem + Other.CertificatePem, [list], served));
        Assert.Equal([], Warnings(Root.CertificatePem, [(List with { Number = 2 }).Make()], served));
    }

    [Fact]
    public void Losing_every_certificate_is_warned_of_by_name()
    {
        using var served = Bundle(Root.CertificatePem + Other.CertificatePem, []);

        Assert.Contains("CN=root; CN=other", Assert.Single(Warnings(OtherRoot.CertificatePem, [], served)), StringComparison.Ordinal);
        Assert.Empty(Warnings(OtherRoot.CertificatePem + Other.CertificatePem, [], served));
    }

    [Fact]
    public void Losing_a_list_or_going_back_to_an_older_one_is_warned_of()
    {
        using var served = Bundle(Root.CertificatePem + Other.CertificatePem, [(List with { ThisUpdate = Now }).Make()]);

        Assert.Contains("no longer contains", Assert.Single(Warnings(Root.CertificatePem, [], served)), StringComparison.Ordinal);
        Assert.Contains("older than the one before", Assert.Single(Warnings(Root.CertificatePem, [List.Make()], served)), StringComparison.Ordinal);
        Assert.Empty(Warnings(Other.CertificatePem, [], served));
        Assert.Empty(Warnings(Root.CertificatePem, [(List with { ThisUpdate = Now, Number = 2 }).Make()], served));
    }

    [Fact]
    public void Of_two_lists_of_an_authority_the_newest_is_used()
    {
        var older = List with { ThisUpdate = Now.AddDays(-1), Number = 9 };
        var newer = List with { ThisUpdate = Now, Number = 7, Serials = [[1]] };
        var newest = newer with { Number = 8, Serials = [[2], [3]] };
        using var bundle = Bundle(Root.CertificatePem, [newer.Make(), newest.Make(), older.Make()]);

        var facts = Assert.Single(bundle.RevocationLists).List.Facts;

        Assert.Equal((2, Now), (facts.Count, facts.ThisUpdate));
    }

    [Fact]
    public void Lists_of_different_parts_of_an_authoritys_certificates_are_used_together()
    {
        var leaves = With((DistributionPoint, true, [0x30, 0x03, 0x81, 0x01, 0xff]));
        var authorities = With((DistributionPoint, true, [0x30, 0x03, 0x82, 0x01, 0xff]));

        using var bundle = Bundle(Root.CertificatePem, [leaves, authorities]);

        Assert.Equal(2, bundle.RevocationLists.Count);
    }

    [Fact]
    public void Lists_that_others_have_made_are_read()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=rsa", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        using var authority = request.CreateSelfSigned(TestTime.Start, TestTime.Start.AddYears(20));

        foreach (var padding in (RSASignaturePadding[])[RSASignaturePadding.Pkcs1, RSASignaturePadding.Pss])
        {
            foreach (var hash in (HashAlgorithmName[])[HashAlgorithmName.SHA256, HashAlgorithmName.SHA384, HashAlgorithmName.SHA512])
            {
                var builder = new CertificateRevocationListBuilder();
                builder.AddEntry([0x12, 0x34], TestTime.Start, X509RevocationReason.KeyCompromise);
                var list = builder.Build(authority, 5, Now.AddDays(7), hash, padding, Now.AddDays(-1));

                using var bundle = Bundle(authority.ExportCertificatePem(), [list]);

                var facts = Assert.Single(bundle.RevocationLists).List.Facts;
                Assert.Equal(("CN=rsa", 1, Now.AddDays(-1), Now.AddDays(7)), (facts.Issuer, facts.Count, facts.ThisUpdate, facts.NextUpdate));
            }
        }
    }

    [Fact]
    public void What_cannot_be_decoded_is_named_without_its_contents()
    {
        var names = new AsnWriter(AsnEncodingRules.DER);
        names.WriteOctetString([1]);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=odd", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509Extension("2.5.29.17", names.Encode(), critical: false));
        using var odd = request.CreateSelfSigned(TestTime.Start, TestTime.Start.AddYears(20));

        var rejected = Assert.IsType<Verdict.Rejected>(Judge(odd.ExportCertificatePem(), [], served: null, Policy));

        Assert.Equal(RejectionReason.CertificateMalformed, rejected.Reason);
        Assert.Contains(CaPath, rejected.Message, StringComparison.Ordinal);
    }

    private static Verdict Judge(string certificates, byte[][] lists, LoadedBundle? served, TrustBundleOptions policy) => BundleJudge.Of(
        new BundleContent([new BundleFile(CaPath, Bytes(certificates))], [.. lists.Select(list => new BundleFile(ListPath, list))]), served, Now, policy);

    private static LoadedBundle Bundle(string certificates, byte[][] lists) =>
        (LoadedBundle)Assert.IsType<Verdict.Accepted>(Judge(certificates, lists, served: null, Policy)).Loaded;

    private static IReadOnlyList<string> Warnings(string certificates, byte[][] lists, LoadedBundle served)
    {
        var accepted = Assert.IsType<Verdict.Accepted>(Judge(certificates, lists, served, Policy));
        accepted.Loaded.Dispose();
        return accepted.Warnings;
    }

    // DER travels in a string as Latin-1.
    private static byte[] Bytes(string text) => text.StartsWith('0') ? Encoding.Latin1.GetBytes(text) : Encoding.UTF8.GetBytes(text);

    private static byte[] Ascii(string text) => Encoding.ASCII.GetBytes(text);

    private static byte[] DerOf(TestAuthority authority)
    {
        using var certificate = X509Certificate2.CreateFromPem(authority.CertificatePem);
        return certificate.RawData;
    }

    private static byte[] With(params (string, bool, byte[])[] extensions) => (List with { Extensions = extensions }).Make();

    private static byte[] WithEntry(params (string, bool, byte[])[] extensions) => (List with { Serials = [[1]], EntryExtensions = extensions }).Make();

    private static byte[] Changed()
    {
        var list = (List with { Serials = [[0x11, 0x22, 0x33, 0x44, 0x55]] }).Make();
        list[list.AsSpan().IndexOf<byte>([0x11, 0x22, 0x33, 0x44, 0x55])]++;
        return list;
    }

    private static string Weak()
    {
        using var key = RSA.Create(1024);
        var request = new CertificateRequest("CN=weak", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var weak = request.CreateSelfSigned(TestTime.Start, TestTime.Start.AddYears(20));
        return weak.ExportCertificatePem();
    }

    // RFC 5280, 4.1.2.1: version 1 is that of a certificate that doesn't say its version. .NET makes version 3 alone.
    private static string Version1()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=old", key, HashAlgorithmName.SHA256).CreateSelfSigned(TestTime.Start, TestTime.Start.AddYears(20));
        var fields = new AsnReader(certificate.RawData, AsnEncodingRules.DER).ReadSequence().ReadSequence();
        fields.ReadEncodedValue();
        var signed = new AsnWriter(AsnEncodingRules.DER);
        using (signed.PushSequence())
        {
            while (fields.HasData)
                signed.WriteEncodedValue(fields.ReadEncodedValue().Span);
        }

        var whole = new AsnWriter(AsnEncodingRules.DER);
        using (whole.PushSequence())
        {
            whole.WriteEncodedValue(signed.Encode());
            using (whole.PushSequence())
                whole.WriteObjectIdentifier(certificate.SignatureAlgorithm.Value!);
            whole.WriteBitString(key.SignData(signed.Encode(), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence));
        }

        using var old = X509CertificateLoader.LoadCertificate(whole.Encode());
        Assert.Equal(1, old.Version);
        return old.ExportCertificatePem();
    }
}
