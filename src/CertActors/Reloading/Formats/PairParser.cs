using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using CertActors.Reloading.Judging;

namespace CertActors.Reloading.Formats;

/// <summary>What the files of a pair hold.</summary>
/// <param name="Certificate">The certificate's file.</param>
/// <param name="Key">The key's; the same object if it's the same file.</param>
/// <param name="Password">The password's; null if there's none.</param>
internal sealed record PairContent(SecretBuffer Certificate, SecretBuffer Key, SecretBuffer? Password)
{
    public override string ToString() => nameof(PairContent);
}

/// <summary>Makes a pair of bytes.</summary>
internal static class PairParser
{
    private const int MaxChainLength = 16;

    // Each has its signature verified.
    private const int MaxOfOneName = 16;

    /// <param name="content">What the files hold.</param>
    /// <param name="options">The pair.</param>
    /// <param name="now">Of two intermediates that fit, the one that is valid then is taken.</param>
    /// <returns>The pair; the caller's to dispose.</returns>
    /// <exception cref="RejectedException">The bytes make no pair.</exception>
    public static LoadedPair Parse(PairContent content, CertificateOptions options, DateTimeOffset now)
    {
        using var password = content.Password is { } file ? PasswordText.Read(options.PasswordPath!, file.Span) : null;
        var isOneFile = content.Key == content.Certificate;
        var budget = Pkcs12File.Is(content.Certificate.Span) && !isOneFile ? KeyDerivation.MaxIterations / 2 : KeyDerivation.MaxIterations;
        using var pfx = OpenIfPkcs12(options.CertificatePath, content.Certificate, password, budget);
        using var keyPfx = isOneFile ? null : OpenIfPkcs12(options.KeyPath, content.Key, password, budget);

        var certificates = pfx?.Certificates() ?? PemFile.ReadCertificates(options.CertificatePath, content.Certificate.Span);
        X509Certificate2? leaf = null;
        X509Certificate2Collection chain = [];
        try
        {
            using var key = (isOneFile ? pfx : keyPfx)?.Key()
                ?? PemFile.ReadKey(options.KeyPath, content.Key.Span, password, budget, certificates);
            leaf = LeafOf(certificates, key, options);
            (chain, var endsAtRoot) = ChainOf(leaf, certificates, now, options.CertificatePath);
            return new LoadedPair(leaf, chain, endsAtRoot, FactsOf(leaf));
        }
        catch
        {
            leaf?.Dispose();
            chain = [];
            throw;
        }
        finally
        {
            foreach (var certificate in certificates.Except(chain, ReferenceEqualityComparer.Instance).OfType<X509Certificate2>())
                certificate.Dispose();
        }
    }

    /// <summary>Whether a certificate was issued by its own subject, as roots are.</summary>
    public static bool IsSelfIssued(X509Certificate2 certificate) => IsIssuedBy(certificate, certificate);

    /// <summary>Whether one certificate names the other as its issuer.</summary>
    public static bool IsIssuedBy(X509Certificate2 certificate, X509Certificate2 issuer) =>
        certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData);

    /// <summary>Whether two are the same certificate.</summary>
    public static bool HaveSameBytes(X509Certificate2 one, X509Certificate2 other) => one.RawDataMemory.Span.SequenceEqual(other.RawDataMemory.Span);

    /// <summary>Whether two certificates name the same issuer.</summary>
    public static bool HaveSameIssuer(X509Certificate2 one, X509Certificate2 other) =>
        one.IssuerName.RawData.AsSpan().SequenceEqual(other.IssuerName.RawData);

    private static Pkcs12File? OpenIfPkcs12(string path, SecretBuffer file, PasswordText? password, int budget) =>
        Pkcs12File.Is(file.Span) ? Pkcs12File.Open(path, file, password, budget) : null;

    private static X509Certificate2 LeafOf(X509Certificate2Collection certificates, AsymmetricAlgorithm key, CertificateOptions options)
    {
        foreach (var certificate in certificates)
        {
            try
            {
                var whole = key is RSA rsa ? certificate.CopyWithPrivateKey(rsa) : certificate.CopyWithPrivateKey((ECDsa)key);
                return OperatingSystem.IsWindows() ? Persisted(whole) : whole;
            }
            catch (ArgumentException)
            {
                if (HasKey(certificate, key))
                    throw KeyUsageExcluded(options.CertificatePath);

                // The key is another's.
            }
        }

        throw new RejectedException(
            RejectionReason.KeyMismatch,
            $"The key in {options.KeyPath} is that of no certificate in {options.CertificatePath}; write both halves of one pair.");
    }

    private static bool HasKey(X509Certificate2 certificate, AsymmetricAlgorithm key) =>
        certificate.PublicKey.ExportSubjectPublicKeyInfo().AsSpan().SequenceEqual(key.ExportSubjectPublicKeyInfo());

    /// <summary>.NET takes no ECDSA key of a certificate whose key usage leaves it for key agreement alone.</summary>
    public static RejectedException KeyUsageExcluded(string path) => new(
        RejectionReason.KeyUsageExcluded,
        $"The leaf in {path} excludes TLS by a key usage of key agreement without digitalSignature; have one issued that allows it.");

    // SChannel takes no ephemeral key.
    private static X509Certificate2 Persisted(X509Certificate2 leaf)
    {
        using (leaf)
        {
            var pfx = leaf.Export(X509ContentType.Pfx);
            try
            {
                return X509CertificateLoader.LoadPkcs12(pfx, password: null);
            }
            finally
            {
                CryptographicOperations.ZeroMemory(pfx);
            }
        }
    }

    private static (X509Certificate2Collection Chain, bool EndsAtRoot) ChainOf(
        X509Certificate2 leaf, X509Certificate2Collection certificates, DateTimeOffset now, string path)
    {
        X509Certificate2Collection chain = [];
        for (var last = leaf; !IsSelfIssued(last); last = chain[^1])
        {
            // To .NET, two of one issuer and serial number are equal, as those of an authority that was made anew may be.
            var issuer = IssuerOf(last, certificates.Where(other => !chain.Any(taken => HaveSameBytes(taken, other))), now);
            if (issuer is null)
                return (chain, EndsAtRoot: false);
            if (IsSelfIssued(issuer))
                break;
            chain.Add(issuer);
            if (chain.Count > MaxChainLength)
            {
                throw new RejectedException(
                    RejectionReason.CertificateMalformed, $"{path} holds a chain of more than {MaxChainLength} intermediates; write the leaf's own chain to it.");
            }
        }

        return (chain, EndsAtRoot: true);
    }

    // Several may have one name: after a change of an authority's key, after its renewal, or where two have certified it (RFC 5280, 3.2).
    private static X509Certificate2? IssuerOf(X509Certificate2 certificate, IEnumerable<X509Certificate2> certificates, DateTimeOffset now)
    {
        X509Certificate2[] named = [.. certificates.Where(issuer => IsIssuedBy(certificate, issuer)).Take(MaxOfOneName)];
        return named.Length < 2
            ? named.FirstOrDefault()
            : named
                .OrderByDescending(issuer => CertificateSignature.IsBy(certificate, issuer))
                .ThenByDescending(issuer => ChainRules.IsValidAt(issuer, now))
                .ThenByDescending(issuer => issuer.NotAfter)
                .First();
    }

    /// <returns>The kind and the size of a certificate's key.</returns>
    public static string KeyOf(X509Certificate2 certificate)
    {
        using var rsa = certificate.GetRSAPublicKey();
        using var ecdsa = certificate.PublicKey.GetECDsaPublicKey(); // Whatever its key usage.
        return rsa is not null ? $"RSA {rsa.KeySize}" : ecdsa is not null ? $"ECDSA P-{ecdsa.KeySize}" : certificate.PublicKey.Oid.FriendlyName ?? "unknown";
    }

    private static string[] NamesOf(X509Certificate2 certificate) =>
        [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames())];

    /// <returns>What may be told of a certificate.</returns>
    public static CertificateFacts FactsOf(X509Certificate2 leaf) => new(
        Convert.ToHexStringLower(SHA256.HashData(leaf.RawDataMemory.Span)),
        leaf.SerialNumber,
        leaf.Subject,
        NamesOf(leaf),
        leaf.NotBefore.ToUniversalTime(),
        leaf.NotAfter.ToUniversalTime());
}
