using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>What a PKCS#12 file holds (RFC 7292): certificates, and the key of one of them.</summary>
internal sealed class Pkcs12File : IDisposable
{
    private const int WrongPassword = unchecked((int)0x80070056); // ERROR_INVALID_PASSWORD, which .NET reports on every platform.

    // What the answer to a further question may take.
    private const int FewIterations = KeyDerivation.MaxIterations / 20;

    private readonly string _path;
    private readonly X509Certificate2Collection _contents;

    private Pkcs12File(string path, X509Certificate2Collection contents)
    {
        _path = path;
        _contents = contents;
    }

    /// <summary>By content: a SEQUENCE that begins with the version, 3.</summary>
    public static bool Is(ReadOnlySpan<byte> file)
    {
        try
        {
            if (file is not [0x30, ..])
                return false;
            AsnDecoder.ReadSequence(file, AsnEncodingRules.BER, out var start, out _, out _);
            return AsnDecoder.TryReadInt32(file[start..], AsnEncodingRules.BER, out var version, out _) && version == 3;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }

    /// <exception cref="RejectedException">It's damaged, the password is wrong, or it can't be used.</exception>
    public static Pkcs12File Open(string path, SecretBuffer file, PasswordText? password, int budget)
    {
        // Without a password it's tried with none and with an empty one.
        if (password is null or { Span.IsEmpty: true })
            budget /= 2;
        long mac;
        try
        {
            mac = KeyDerivation.IterationsOfMac(file.Memory);
        }
        catch (AsnContentException)
        {
            throw Damaged(path);
        }

        if (mac > budget)
            throw PrivateKey.TooCostly(path, mac);

        var left = budget - (int)mac;
        var limits = new Pkcs12LoaderLimits
        {
            MacIterationLimit = KeyDerivation.MaxIterations,
            IndividualKdfIterationLimit = left,
            TotalKdfIterationLimit = left,
        };
        try
        {
            return new Pkcs12File(path, Load(file, password, limits));
        }
        catch (Pkcs12LoadLimitExceededException)
        {
            throw new RejectedException(
                RejectionReason.KeyDerivationTooCostly,
                $"{path} asks for more than {KeyDerivation.MaxIterations} iterations of key derivation in all, or holds hundreds of certificates; export it with fewer.");
        }
        catch (CryptographicException error) when (error.HResult == WrongPassword)
        {
            throw new RejectedException(
                RejectionReason.PasswordWrong,
                password is null
                    ? $"{path} is a PKCS#12 file that needs a password, or is damaged, and no password file is named; name one."
                    : $"{path} is a PKCS#12 file that the password doesn't open, or that is damaged; write the password that it was exported with.");
        }
        catch (CryptographicException)
        {
            throw (mac < FewIterations ? UnsupportedKey(path, file, password) : null) ?? Damaged(path);
        }
        catch (PlatformNotSupportedException)
        {
            throw Damaged(path);
        }
    }

    /// <returns>All certificates, without their keys; the caller's to dispose.</returns>
    /// <exception cref="RejectedException">There are none.</exception>
    public X509Certificate2Collection Certificates()
    {
        X509Certificate2Collection certificates = [.. _contents.Select(certificate => X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span))];
        return certificates.Count > 0
            ? certificates
            : throw new RejectedException(RejectionReason.CertificateMalformed, $"{_path} holds no certificate; export the leaf and its chain to it.");
    }

    /// <returns>The first key; the caller's to dispose.</returns>
    /// <exception cref="RejectedException">There's none.</exception>
    public AsymmetricAlgorithm Key()
    {
        var owner = _contents.FirstOrDefault(certificate => certificate.HasPrivateKey);
        var key = (AsymmetricAlgorithm?)owner?.GetRSAPrivateKey() ?? owner?.GetECDsaPrivateKey();
        if (key is null && owner?.PublicKey.GetECDsaPublicKey() is { } excluded)
        {
            excluded.Dispose();
            throw PairParser.KeyUsageExcluded(_path);
        }

        return key is not null
            ? PrivateKey.Checked(_path, key)
            : throw new RejectedException(RejectionReason.KeyMalformed, $"{_path} holds no private key of a certificate of its own; export the leaf with its key to it.");
    }

    public void Dispose()
    {
        foreach (var certificate in _contents)
            certificate.Dispose();
    }

    private static X509Certificate2Collection Load(SecretBuffer file, PasswordText? password, Pkcs12LoaderLimits limits)
    {
        // On Windows a key would be left in the user's store; it's made usable for SChannel later, and alone.
        var flags = OperatingSystem.IsWindows() ? X509KeyStorageFlags.EphemeralKeySet | X509KeyStorageFlags.Exportable : X509KeyStorageFlags.DefaultKeySet;
        return X509CertificateLoader.LoadPkcs12Collection(file.Span, password is null ? default : password.Span, flags, limits);
    }

    // .NET doesn't say which key it can't load; the certificates do.
    private static RejectedException? UnsupportedKey(string path, SecretBuffer file, PasswordText? password)
    {
        try
        {
            var limits = new Pkcs12LoaderLimits { TotalKdfIterationLimit = FewIterations, IgnorePrivateKeys = true };
            using var withoutKeys = new Pkcs12File(path, Load(file, password, limits));
            var foreign = withoutKeys._contents.FirstOrDefault(certificate => !PrivateKey.IsSupported(certificate.PublicKey));
            return foreign is null ? null : PrivateKey.Unsupported(path, foreign.PublicKey.Oid.Value);
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private static RejectedException Damaged(string path) =>
        new(RejectionReason.CertificateMalformed, $"{path} is a PKCS#12 file that is truncated or damaged; write it anew, whole.");
}
