using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Tests.Support;

/// <summary>How a test's revocation list is to be. It can be what .NET's own builder doesn't make.</summary>
internal sealed record TestRevocationList
{
    public const string EcdsaWithSha256 = "1.2.840.10045.4.3.2";

    public required TestAuthority Issuer { get; init; }

    /// <summary>Who signs it; null for the issuer.</summary>
    public TestAuthority? Signer { get; init; }

    public DateTimeOffset ThisUpdate { get; init; } = TestTime.Start;

    /// <summary>Null for none.</summary>
    public DateTimeOffset? NextUpdate { get; init; } = TestTime.Start.AddYears(10);

    /// <summary>Null for none.</summary>
    public int? Number { get; init; } = 1;

    /// <summary>Null for version 1, which can't have extensions.</summary>
    public int? Version { get; init; } = 1;

    public byte[][] Serials { get; init; } = [];

    /// <summary>What it's said to be signed with.</summary>
    public string Algorithm { get; init; } = EcdsaWithSha256;

    /// <summary>The same, in the part that is signed; null for no difference.</summary>
    public string? SignedAlgorithm { get; init; }

    public (string Name, bool IsCritical, byte[] Value)[] Extensions { get; init; } = [];

    public (string Name, bool IsCritical, byte[] Value)[] EntryExtensions { get; init; } = [];

    public static byte[] SerialOf(string certificatePem)
    {
        using var certificate = X509Certificate2.CreateFromPem(certificatePem);
        return certificate.SerialNumberBytes.ToArray();
    }

    public string MakePem() => PemEncoding.WriteString("X509 CRL", Make()) + "\n";

    public byte[] Make()
    {
        var signed = Write(WriteFields);
        return Write(writer =>
        {
            writer.WriteEncodedValue(signed);
            WriteAlgorithm(writer, Algorithm);
            writer.WriteBitString((Signer ?? Issuer).Sign(signed));
        });
    }

    private static byte[] Write(Action<AsnWriter> contents)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        using (writer.PushSequence())
            contents(writer);
        return writer.Encode();
    }

    private void WriteFields(AsnWriter writer)
    {
        if (Version is { } version)
            writer.WriteInteger(version);
        WriteAlgorithm(writer, SignedAlgorithm ?? Algorithm);
        writer.WriteEncodedValue(Issuer.Name.RawData);
        writer.WriteUtcTime(ThisUpdate);
        if (NextUpdate is { } next)
            writer.WriteUtcTime(next);
        if (Serials.Length > 0)
        {
            using (writer.PushSequence())
            {
                foreach (var serial in Serials)
                    WriteEntry(writer, serial);
            }
        }

        var numbered = Number is { } number ? [("2.5.29.20", false, Encode(writer => writer.WriteInteger(number))), .. Extensions] : Extensions;
        if (numbered.Length > 0)
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                WriteExtensions(writer, numbered);
        }
    }

    private static byte[] Encode(Action<AsnWriter> value)
    {
        var writer = new AsnWriter(AsnEncodingRules.DER);
        value(writer);
        return writer.Encode();
    }

    private void WriteEntry(AsnWriter writer, byte[] serial)
    {
        using (writer.PushSequence())
        {
            writer.WriteInteger(new BigInteger(serial, isUnsigned: true, isBigEndian: true));
            writer.WriteUtcTime(ThisUpdate);
            if (EntryExtensions.Length > 0)
                WriteExtensions(writer, EntryExtensions);
        }
    }

    private static void WriteExtensions(AsnWriter writer, (string Name, bool IsCritical, byte[] Value)[] extensions)
    {
        using (writer.PushSequence())
        {
            foreach (var (name, isCritical, value) in extensions)
            {
                using (writer.PushSequence())
                {
                    writer.WriteObjectIdentifier(name);
                    if (isCritical)
                        writer.WriteBoolean(true);
                    writer.WriteOctetString(value);
                }
            }
        }
    }

    private static void WriteAlgorithm(AsnWriter writer, string name)
    {
        using (writer.PushSequence())
            writer.WriteObjectIdentifier(name);
    }
}
