using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace CertActors.Reloading;

/// <summary>Parses and judges what the files of a pair hold: PEM as RFC 7468 has it.</summary>
internal static class PemPair
{
    private const string Certificate = "CERTIFICATE";
    private const string Pkcs8Key = "PRIVATE KEY";
    private const string Pkcs1Key = "RSA PRIVATE KEY"; // RFC 8017, A.1.2
    private const string Sec1Key = "EC PRIVATE KEY"; // RFC 5915
    private const string EncryptedKey = "ENCRYPTED PRIVATE KEY";

    /// <exception cref="RejectedException">The pair is bad.</exception>
    public static LoadedPair Parse(CertificateOptions options, ReadOnlySpan<byte> certificateFile, ReadOnlySpan<byte> keyFile)
    {
        X509Certificate2Collection chain = [];
        X509Certificate2? leaf = null;
        AsymmetricAlgorithm? key = null;
        try
        {
            ReadChain(options.CertificatePath, certificateFile, chain);
            key = ReadKey(options.KeyPath, keyFile);
            leaf = WithKey(options, chain[0], key);
            var facts = FactsOf(leaf);
            var pair = new LoadedPair(leaf, [.. chain.Skip(1)], facts);
            chain[0].Dispose();
            return pair;
        }
        catch (Exception error)
        {
            leaf?.Dispose();
            foreach (var certificate in chain)
                certificate.Dispose();
            if (error is CryptographicException)
                throw Malformed(options.CertificatePath, "a certificate with fields that can't be decoded");
            throw;
        }
        finally
        {
            key?.Dispose();
        }
    }

    private static void ReadChain(string path, ReadOnlySpan<byte> file, X509Certificate2Collection chain)
    {
        try
        {
            ForEachBlock(file, (label, der) =>
            {
                if (label.SequenceEqual(Certificate))
                    chain.Add(X509CertificateLoader.LoadCertificate(der));
                return true;
            });
        }
        catch (CryptographicException)
        {
            throw Malformed(path, "a certificate that is truncated or damaged");
        }

        if (chain.Count == 0)
            throw Malformed(path, "no certificate");
    }

    private static RejectedException Malformed(string path, string what) => new(
        RejectionReason.CertificateMalformed,
        $"{path} holds {what}; write the leaf certificate to it in PEM form, and its intermediates after it.");

    private static AsymmetricAlgorithm ReadKey(string path, ReadOnlySpan<byte> file)
    {
        AsymmetricAlgorithm? key = null;
        var encrypted = false;
        try
        {
            ForEachBlock(file, (label, der) =>
            {
                key = ImportKey(label, der);
                encrypted |= label.SequenceEqual(EncryptedKey);
                return key is null;
            });
        }
        catch (Exception error) when (error is CryptographicException or PlatformNotSupportedException)
        {
            throw MalformedKey("a private key that is truncated, damaged, encrypted or of an unsupported kind");
        }

        return key ?? throw MalformedKey(encrypted ? "an encrypted private key" : "no private key");

        // The error of the parser itself is left out: nobody has promised that it doesn't quote the key.
        RejectedException MalformedKey(string what) => new(
            RejectionReason.KeyMalformed,
            $"{path} holds {what}; write an unencrypted RSA or ECDSA key to it in PEM form (PKCS#8, PKCS#1 or SEC1).");
    }

    private static AsymmetricAlgorithm? ImportKey(ReadOnlySpan<char> label, ReadOnlySpan<byte> der)
    {
        if (label.SequenceEqual(Pkcs1Key))
            return Import(RSA.Create(), der, static (rsa, bytes) => rsa.ImportRSAPrivateKey(bytes, out _));
        if (label.SequenceEqual(Sec1Key))
            return Import(ECDsa.Create(), der, static (ecdsa, bytes) => ecdsa.ImportECPrivateKey(bytes, out _));
        if (!label.SequenceEqual(Pkcs8Key))
            return null;

        try
        {
            return Import(ECDsa.Create(), der, static (ecdsa, bytes) => ecdsa.ImportPkcs8PrivateKey(bytes, out _));
        }
        catch (CryptographicException)
        {
            return Import(RSA.Create(), der, static (rsa, bytes) => rsa.ImportPkcs8PrivateKey(bytes, out _));
        }
    }

    private static T Import<T>(T key, ReadOnlySpan<byte> der, Action<T, ReadOnlySpan<byte>> import)
        where T : AsymmetricAlgorithm
    {
        try
        {
            import(key, der);
            return key;
        }
        catch
        {
            key.Dispose();
            throw;
        }
    }

    private static X509Certificate2 WithKey(CertificateOptions options, X509Certificate2 leaf, AsymmetricAlgorithm key)
    {
        try
        {
            var whole = key is RSA rsa ? leaf.CopyWithPrivateKey(rsa) : leaf.CopyWithPrivateKey((ECDsa)key);
            return OperatingSystem.IsWindows() ? Persisted(whole) : whole;
        }
        catch (ArgumentException)
        {
            throw new RejectedException(
                RejectionReason.KeyMismatch,
                $"The key in {options.KeyPath} isn't that of the first certificate in {options.CertificatePath}; write both halves of one pair, leaf first.");
        }
    }

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

    private static CertificateFacts FactsOf(X509Certificate2 leaf) => new(
        Convert.ToHexStringLower(SHA256.HashData(leaf.RawDataMemory.Span)),
        leaf.SerialNumber,
        leaf.Subject,
        leaf.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(names => names.EnumerateDnsNames()).ToArray(),
        leaf.NotBefore.ToUniversalTime(),
        leaf.NotAfter.ToUniversalTime());

    private delegate bool OnBlock(ReadOnlySpan<char> label, ReadOnlySpan<byte> der);

    /// <summary>Calls back for each block until told to stop. All that was decoded is zeroed.</summary>
    /// <exception cref="CryptographicException">Text that begins a block doesn't end it.</exception>
    private static void ForEachBlock(ReadOnlySpan<byte> file, OnBlock onBlock)
    {
        var text = GC.AllocateUninitializedArray<char>(file.Length, pinned: true);
        var der = GC.AllocateUninitializedArray<byte>(file.Length, pinned: true);
        try
        {
            Encoding.Latin1.GetChars(file, text);
            ReadOnlySpan<char> rest = text;
            while (PemEncoding.TryFind(rest, out var block))
            {
                RefuseBeginnings(rest[..block.Location.Start.Value]);
                if (!Convert.TryFromBase64Chars(rest[block.Base64Data], der, out var length))
                    throw new CryptographicException();
                if (!onBlock(rest[block.Label], der.AsSpan(0, length)))
                    return;
                rest = rest[block.Location.End.Value..];
            }

            RefuseBeginnings(rest);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(der);
            text.AsSpan().Clear();
        }
    }

    // TryFind skips what isn't whole: a truncated intermediate would go unnoticed.
    private static void RefuseBeginnings(ReadOnlySpan<char> skipped)
    {
        if (skipped.Contains("-----BEGIN ", StringComparison.Ordinal))
            throw new CryptographicException();
    }
}
