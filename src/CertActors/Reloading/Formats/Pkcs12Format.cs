using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>PKCS#12 (RFC 7292): certificates, and the key of one of them, encrypted with a password.</summary>
internal sealed class Pkcs12Format : IKeyPairFormat
{
    private const int WrongPassword = unchecked((int)0x80070056); // ERROR_INVALID_PASSWORD, which .NET reports on every platform.

    // To open a file for the second time, only to say what is wrong with it, must be cheap.
    private const int MaxIterationsForReason = KeyDerivation.MaxIterations / 20;

    public bool EncryptsCertificates => true;

    /// <returns>Whether the file begins with a SEQUENCE whose first element is the version, 3.</returns>
    public bool Recognizes(ReadOnlySpan<byte> content)
    {
        try
        {
            if (content is not [0x30, ..])
                return false;
            AsnDecoder.ReadSequence(content, AsnEncodingRules.BER, out var start, out _, out _);
            return AsnDecoder.TryReadInt32(content[start..], AsnEncodingRules.BER, out var version, out _) && version == 3;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }

    public IKeyPairFile Open(string path, SecretBuffer content, PasswordText? password, int maxIterations)
    {
        // .NET tries a file without a password twice: with none and with an empty one.
        if (password is null or { Span.IsEmpty: true })
            maxIterations /= 2;
        long macIterations;
        try
        {
            macIterations = KeyDerivation.IterationsOfMac(content.Memory);
        }
        catch (AsnContentException)
        {
            throw Damaged(path);
        }

        if (macIterations > maxIterations)
            throw PrivateKey.TooCostly(path, macIterations);

        var left = maxIterations - (int)macIterations;
        var limits = new Pkcs12LoaderLimits
        {
            MacIterationLimit = KeyDerivation.MaxIterations,
            IndividualKdfIterationLimit = left,
            TotalKdfIterationLimit = left,
        };
        try
        {
            return new Pkcs12File(path, Load(content, password, limits));
        }
        catch (Pkcs12LoadLimitExceededException)
        {
            throw new RejectedException(
                RejectionReason.KeyDerivationTooCostly,
                $"{path} requires more than {KeyDerivation.MaxIterations} iterations of key derivation in total, or contains hundreds of certificates; export it with fewer.");
        }
        catch (CryptographicException error) when (error.HResult == WrongPassword)
        {
            throw new RejectedException(
                RejectionReason.PasswordWrong,
                password is null
                    ? $"{path} is a PKCS#12 file that requires a password or is damaged, and no password file is configured; configure one."
                    : $"{path} is a PKCS#12 file that cannot be opened: the password is wrong, or the file is damaged; write the password that it was exported with.");
        }
        catch (CryptographicException)
        {
            throw (macIterations < MaxIterationsForReason ? UnsupportedKey(path, content, password) : null) ?? Damaged(path);
        }
        catch (PlatformNotSupportedException)
        {
            throw Damaged(path);
        }
    }

    private static X509Certificate2Collection Load(SecretBuffer content, PasswordText? password, Pkcs12LoaderLimits limits)
    {
        // On Windows, the default would leave the key in the user's key store. PairParser makes the leaf's key alone usable for SChannel.
        var flags = OperatingSystem.IsWindows() ? X509KeyStorageFlags.EphemeralKeySet | X509KeyStorageFlags.Exportable : X509KeyStorageFlags.DefaultKeySet;
        return X509CertificateLoader.LoadPkcs12Collection(content.Span, password is null ? default : password.Span, flags, limits);
    }

    // .NET does not say which key it cannot load; the certificates do.
    private static RejectedException? UnsupportedKey(string path, SecretBuffer content, PasswordText? password)
    {
        try
        {
            var limits = new Pkcs12LoaderLimits { TotalKdfIterationLimit = MaxIterationsForReason, IgnorePrivateKeys = true };
            var certificates = Load(content, password, limits);
            using var file = new Pkcs12File(path, certificates);
            var unsupported = certificates.FirstOrDefault(certificate => !PrivateKey.IsSupported(certificate.PublicKey));
            return unsupported is null ? null : PrivateKey.Unsupported(path, unsupported.PublicKey.Oid.Value);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static RejectedException Damaged(string path) =>
        new(RejectionReason.CertificateMalformed, $"{path} is a PKCS#12 file that is truncated or damaged; write the complete file again.");

    private sealed class Pkcs12File(string path, X509Certificate2Collection contents) : IKeyPairFile
    {
        /// <summary>Copies without the keys, as the caller combines the leaf with its key.</summary>
        public X509Certificate2Collection ReadCertificates() => contents.Count > 0
            ? [.. contents.Select(certificate => X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span))]
            : throw new RejectedException(RejectionReason.CertificateMalformed, $"{path} contains no certificate; export the leaf and its chain to it.");

        public AsymmetricAlgorithm ReadKey(X509Certificate2Collection certificates)
        {
            var owner = contents.FirstOrDefault(certificate => certificate.HasPrivateKey);
            var key = (AsymmetricAlgorithm?)owner?.GetRSAPrivateKey() ?? owner?.GetECDsaPrivateKey();
            if (key is not null)
                return PrivateKey.Checked(path, key);
            using var withoutSignature = owner?.PublicKey.GetECDsaPublicKey();
            throw withoutSignature is not null
                ? PrivateKey.ForKeyAgreementOnly(path)
                : new RejectedException(
                    RejectionReason.KeyMalformed, $"{path} contains no private key for any of its certificates; export the leaf with its key to it.");
        }

        public void Dispose()
        {
            foreach (var certificate in contents)
                certificate.Dispose();
        }
    }
}
