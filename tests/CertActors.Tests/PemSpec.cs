using System.Security.Cryptography;
using CertActors.Reloading;
using CertActors.Tests.Support;

namespace CertActors.Tests;

/// <summary>Which files make a pair.</summary>
public sealed class PemSpec
{
    private const string CertPath = "/certs/tls.crt";
    private const string KeyPath = "/certs/tls.key";

    private readonly MemoryFiles _files = new();

    public static TheoryData<string> Keys => ["RSA PKCS#8", "RSA PKCS#1", "ECDSA PKCS#8", "ECDSA SEC1"];

    [Theory]
    [MemberData(nameof(Keys))]
    public void Keys_of_every_form_are_accepted(string form)
    {
        var pair = PairWith(form);

        using var loaded = Accepted(pair.CertificatePem, pair.KeyPem);

        Assert.True(loaded.Leaf.HasPrivateKey);
        Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void A_truncated_key_is_rejected(string form)
    {
        var pair = PairWith(form);
        for (var length = 1; length < pair.KeyPem.Length - 1; length += 7)
        {
            Assert.Equal(
                RejectionReason.KeyMalformed,
                Rejected(pair.CertificatePem, pair.KeyPem[..length]).Reason);
        }
    }

    [Fact]
    public void Intermediates_follow_the_leaf()
    {
        var (leaf, intermediate) = (TestPair.Make(), TestPair.Make());

        using var loaded = Accepted(leaf.CertificatePem + "\n" + intermediate.CertificatePem, leaf.KeyPem);

        Assert.Equal(leaf.Sha256, loaded.Facts.Sha256);
        Assert.Equal(intermediate.Sha256, Convert.ToHexStringLower(SHA256.HashData(Assert.Single(loaded.Intermediates).RawData)));
    }

    [Fact]
    public void A_truncated_intermediate_is_rejected_and_not_left_out()
    {
        var leaf = TestPair.Make();
        var intermediate = TestPair.Make().CertificatePem;
        for (var length = "-----BEGIN ".Length; length < intermediate.Length - 1; length += 7)
        {
            Assert.Equal(
                RejectionReason.CertificateMalformed,
                Rejected(leaf.CertificatePem + "\n" + intermediate[..length], leaf.KeyPem).Reason);
        }
    }

    [Fact]
    public void One_file_may_hold_both()
    {
        var pair = TestPair.Make();
        _files.Write(CertPath, pair.KeyPem + "\n" + pair.CertificatePem);

        using var loaded = Assert.IsType<LoadResult.Accepted>(Load(CertPath)).Pair;

        Assert.Equal(pair.Sha256, loaded.Facts.Sha256);
    }

    [Fact]
    public void The_parameters_that_openssl_writes_before_a_key_are_passed_over()
    {
        var pair = PairWith("ECDSA SEC1");

        using var loaded = Accepted(pair.CertificatePem, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + pair.KeyPem);

        Assert.True(loaded.Leaf.HasPrivateKey);
    }

    [Fact]
    public void A_key_of_another_certificate_is_rejected()
    {
        var pair = TestPair.Make();
        Assert.Equal(RejectionReason.KeyMismatch, Rejected(pair.CertificatePem, TestPair.Make().KeyPem).Reason);
        Assert.Equal(RejectionReason.KeyMismatch, Rejected(pair.CertificatePem, PairWith("RSA PKCS#1").KeyPem).Reason);
    }

    [Fact]
    public void An_encrypted_key_is_rejected_for_what_it_is()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encrypted = key.ExportEncryptedPkcs8PrivateKeyPem("secret", new PbeParameters(PbeEncryptionAlgorithm.Aes128Cbc, HashAlgorithmName.SHA256, 1));

        var rejected = Rejected(TestPair.Make().CertificatePem, encrypted);

        Assert.Equal(RejectionReason.KeyMalformed, rejected.Reason);
        Assert.Contains("encrypted", rejected.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")]
    [InlineData("-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----")]
    [InlineData("\0\0\0\0")]
    public void What_holds_no_certificate_is_rejected(string text) =>
        Assert.Equal(RejectionReason.CertificateMalformed, Rejected(text, TestPair.Make().KeyPem).Reason);

    [Theory]
    [InlineData("garbage")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")]
    public void What_holds_no_key_is_rejected(string text) =>
        Assert.Equal(RejectionReason.KeyMalformed, Rejected(TestPair.Make().CertificatePem, text).Reason);

    [Fact]
    public void A_key_on_a_curve_that_the_platform_lacks_is_rejected()
    {
        // PKCS#8 of an EC key on the curve 1.2.3.4.5, with a private key of one byte.
        byte[] key = [0x30, 0x1e, 2, 1, 0, 0x30, 0x0f, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 4, 0x2a, 3, 4, 5, 4, 8, 0x30, 6, 2, 1, 1, 4, 1, 1];
        Assert.Equal(
            RejectionReason.KeyMalformed,
            Rejected(TestPair.Make().CertificatePem, PemEncoding.WriteString("PRIVATE KEY", key)).Reason);
    }

    private static TestPair PairWith(string form) => form switch
    {
        "RSA PKCS#8" => TestPair.MakeRsa(key => key.ExportPkcs8PrivateKeyPem()),
        "RSA PKCS#1" => TestPair.MakeRsa(key => key.ExportRSAPrivateKeyPem()),
        "ECDSA PKCS#8" => TestPair.MakeEcdsa(key => key.ExportPkcs8PrivateKeyPem()),
        "ECDSA SEC1" => TestPair.MakeEcdsa(key => key.ExportECPrivateKeyPem()),
        _ => throw new ArgumentOutOfRangeException(nameof(form)),
    };

    private LoadedPair Accepted(string certificate, string key) => Assert.IsType<LoadResult.Accepted>(Load(certificate, key)).Pair;

    private LoadResult.Rejected Rejected(string certificate, string key) => Assert.IsType<LoadResult.Rejected>(Load(certificate, key));

    private LoadResult Load(string certificate, string key)
    {
        _files.Write(CertPath, certificate);
        _files.Write(KeyPath, key);
        return Load(KeyPath);
    }

    private LoadResult Load(string keyPath) =>
        KeyPairLoader.Load(_files, new CertificateOptions { CertificatePath = CertPath, KeyPath = keyPath });
}
