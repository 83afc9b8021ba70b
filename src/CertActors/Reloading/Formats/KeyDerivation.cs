using System.Formats.Asn1;

namespace CertActors.Reloading.Formats;

/// <summary>Reads how many iterations it takes to derive keys from a password, before any is done.</summary>
internal static class KeyDerivation
{
    /// <summary>How many iterations one load may take in total. Tens of millions take seconds of CPU time, and cannot be cancelled.</summary>
    public const int MaxIterations = 1_000_000;

    private const string Pbes2 = "1.2.840.113549.1.5.13"; // RFC 8018, A.4
    private const string Pbkdf2 = "1.2.840.113549.1.5.12"; // RFC 8018, A.2

    /// <summary>The iterations of an EncryptedPrivateKeyInfo (RFC 5958, 3): PBES2 with PBKDF2, or an older scheme with the same parameters.</summary>
    /// <returns>Null if it is encrypted with another scheme.</returns>
    /// <exception cref="AsnContentException">It is no EncryptedPrivateKeyInfo.</exception>
    public static long? IterationsOfKey(ReadOnlyMemory<byte> encryptedKey)
    {
        var algorithm = new AsnReader(encryptedKey, AsnEncodingRules.BER).ReadSequence().ReadSequence();
        if (algorithm.ReadObjectIdentifier() != Pbes2)
            return ReadSaltAndIterations(algorithm);

        var derivation = algorithm.ReadSequence().ReadSequence();
        return derivation.ReadObjectIdentifier() == Pbkdf2 ? ReadSaltAndIterations(derivation) : null;
    }

    /// <summary>The iterations of the MAC of a PFX (RFC 7292, 4), which is verified before anything is decrypted.</summary>
    /// <exception cref="AsnContentException">It is no PFX.</exception>
    public static long IterationsOfMac(ReadOnlyMemory<byte> pfx)
    {
        var parts = new AsnReader(pfx, AsnEncodingRules.BER).ReadSequence();
        parts.ReadInteger();
        parts.ReadEncodedValue();
        if (!parts.HasData)
            return 0;

        var mac = parts.ReadSequence();
        mac.ReadEncodedValue();
        mac.ReadOctetString();
        return mac.HasData ? ReadCount(mac) : 1;
    }

    private static long? ReadSaltAndIterations(AsnReader algorithm)
    {
        var parameters = algorithm.ReadSequence();
        if (!parameters.PeekTag().HasSameClassAndValue(Asn1Tag.PrimitiveOctetString))
            return null;
        parameters.ReadEncodedValue();
        return ReadCount(parameters);
    }

    private static long ReadCount(AsnReader reader) => reader.TryReadInt64(out var count) && count >= 0 ? count : long.MaxValue;
}
