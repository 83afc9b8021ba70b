using System.Formats.Asn1;
using System.Numerics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>Parses certificate revocation lists (RFC 5280, 5.1). Only lists that are complete for their scope are accepted.</summary>
internal static class RevocationListParser
{
    // Of the list (RFC 5280, 5.2).
    private const string CrlNumber = "2.5.29.20";
    private const string DeltaIndicator = "2.5.29.27";
    private const string DistributionPoint = "2.5.29.28";
    private const string AuthorityKeyIdentifier = "2.5.29.35";

    private const int Version2 = 1;
    private const int TwoDigitYearMax = 2049; // RFC 5280, 4.1.2.5.1

    private static readonly Asn1Tag ListExtensions = new(TagClass.ContextSpecific, 0, isConstructed: true);

    // Of an entry (RFC 5280, 5.3), encoded.
    private static ReadOnlySpan<byte> ReasonCode => [0x55, 0x1d, 21];

    private static ReadOnlySpan<byte> InvalidityDate => [0x55, 0x1d, 24];

    private static ReadOnlySpan<byte> CertificateIssuer => [0x55, 0x1d, 29];

    /// <param name="path">The file's path, for messages.</param>
    /// <param name="der">The list. The result refers to it.</param>
    /// <exception cref="RejectedException">The list is damaged or of a kind that is not supported.</exception>
    public static SignedRevocationList Parse(string path, ReadOnlyMemory<byte> der)
    {
        try
        {
            return Read(path, der);
        }
        catch (Exception error) when (error is AsnContentException or CryptographicException)
        {
            throw Malformed(path);
        }
    }

    public static RejectedException Malformed(string path) => new(
        RejectionReason.RevocationListMalformed,
        $"{path} contains a revocation list that is truncated or damaged; write the complete file again.");

    private static SignedRevocationList Read(string path, ReadOnlyMemory<byte> der)
    {
        var file = new AsnReader(der, AsnEncodingRules.DER);
        var list = file.ReadSequence();
        file.ThrowIfNotEmpty();
        var signed = list.ReadEncodedValue();
        var algorithm = list.ReadEncodedValue();
        var signature = list.ReadBitString(out _);
        list.ThrowIfNotEmpty();

        var fields = new AsnReader(signed, AsnEncodingRules.DER).ReadSequence();
        if (fields.PeekTag().HasSameClassAndValue(Asn1Tag.Integer) && !(fields.TryReadInt32(out var version) && version == Version2))
            throw Unsupported(path, "of a version that is not known", "have it issued as version 2");
        if (!fields.ReadEncodedValue().Span.SequenceEqual(algorithm.Span))
            throw Malformed(path);

        var issuer = fields.ReadEncodedValue();
        var thisUpdate = ReadTime(fields);
        var nextUpdate = fields.HasData && IsTime(fields.PeekTag()) ? ReadTime(fields) : (DateTimeOffset?)null;
        var entries = fields.HasData && fields.PeekTag().HasSameClassAndValue(Asn1Tag.Sequence) ? ReadContents(fields) : default;
        var (number, scope) = fields.HasData ? ReadExtensions(path, fields.ReadSequence(ListExtensions).ReadSequence()) : default;
        fields.ThrowIfNotEmpty();
        CheckEntries(path, entries);

        var serials = RevokedSerials.Read(entries.Span);
        return new SignedRevocationList(
            new RevocationList
            {
                Issuer = issuer.ToArray(),
                Scope = scope.ToArray(),
                Serials = serials,
                Number = number,
                Facts = new RevocationListFacts
                {
                    Sha256 = Convert.ToHexStringLower(SHA256.HashData(der.Span)),
                    Issuer = new X500DistinguishedName(issuer.Span).Name,
                    ThisUpdate = thisUpdate,
                    NextUpdate = nextUpdate,
                    Count = serials.Count,
                },
            },
            algorithm,
            signed,
            signature);
    }

    private static (BigInteger Number, ReadOnlyMemory<byte> Scope) ReadExtensions(string path, AsnReader extensions)
    {
        var (number, scope) = (BigInteger.Zero, ReadOnlyMemory<byte>.Empty);
        while (extensions.HasData)
        {
            var extension = extensions.ReadSequence();
            var name = extension.ReadObjectIdentifier();
            var isCritical = extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) && extension.ReadBoolean();
            var value = extension.ReadOctetString();
            switch (name)
            {
                case CrlNumber:
                    number = new AsnReader(value, AsnEncodingRules.DER).ReadInteger();
                    break;
                case DistributionPoint:
                    CheckScope(path, new AsnReader(value, AsnEncodingRules.DER).ReadSequence());
                    scope = value;
                    break;
                case DeltaIndicator:
                    throw Unsupported(path, "that contains only changes (a delta list)", "write the complete list");
                case AuthorityKeyIdentifier:
                    break;
                default:
                    if (isCritical)
                        throw Unsupported(path, $"with a critical extension that is not known ({name})", "have it issued without");
                    break;
            }
        }

        return (number, scope);
    }

    // IssuingDistributionPoint (RFC 5280, 5.2.5). A list of a part of the certificates is used for these: a serial number that it contains is revoked.
    private static void CheckScope(string path, AsnReader scope)
    {
        while (scope.HasData)
        {
            var what = scope.PeekTag().TagValue switch
            {
                3 => "of only some reasons to revoke",
                4 => "of other issuers' certificates (an indirect list)",
                5 => "of attribute certificates",
                _ => null,
            };
            if (what is not null)
                throw Unsupported(path, what, "write a list of the issuer's own certificates, for all reasons");
            scope.ReadEncodedValue();
        }
    }

    // Without an object for each entry: a list may have a million.
    private static void CheckEntries(string path, ReadOnlyMemory<byte> all)
    {
        for (var rest = all.Span; !rest.IsEmpty;)
        {
            AsnDecoder.ReadSequence(rest, AsnEncodingRules.DER, out var offset, out var length, out var consumed);
            var entry = rest.Slice(offset, length);
            var serial = AsnDecoder.ReadIntegerBytes(entry, AsnEncodingRules.DER, out var serialLength);
            if (serial.Length > RevokedSerials.MaxLength)
                throw Unsupported(path, $"with a serial number of more than {RevokedSerials.MaxLength} bytes", "have it issued again");

            AsnDecoder.ReadEncodedValue(entry[serialLength..], AsnEncodingRules.DER, out _, out _, out var dateLength);
            var extensions = entry[(serialLength + dateLength)..];
            if (!extensions.IsEmpty)
                CheckExtensions(path, extensions);
            rest = rest[consumed..];
        }
    }

    private static void CheckExtensions(string path, ReadOnlySpan<byte> encoded)
    {
        AsnDecoder.ReadSequence(encoded, AsnEncodingRules.DER, out var offset, out var length, out _);
        for (var extensions = encoded.Slice(offset, length); !extensions.IsEmpty;)
        {
            AsnDecoder.ReadSequence(extensions, AsnEncodingRules.DER, out offset, out length, out var consumed);
            var extension = extensions.Slice(offset, length);
            AsnDecoder.ReadEncodedValue(extension, AsnEncodingRules.DER, out var nameOffset, out var nameLength, out var afterName);
            var name = extension.Slice(nameOffset, nameLength);
            if (name.SequenceEqual(CertificateIssuer))
                throw Unsupported(path, "of other issuers' certificates (an indirect list)", "write a list of the issuer's own certificates");

            // critical BOOLEAN DEFAULT FALSE
            var isCritical = extension[afterName..] is [(byte)UniversalTagNumber.Boolean, 1, not 0, ..];
            if (isCritical && !name.SequenceEqual(ReasonCode) && !name.SequenceEqual(InvalidityDate))
            {
                throw Unsupported(
                    path,
                    $"with a critical extension of an entry that is not known ({AsnDecoder.ReadObjectIdentifier(extension, AsnEncodingRules.DER, out _)})",
                    "have it issued without");
            }

            extensions = extensions[consumed..];
        }
    }

    private static ReadOnlyMemory<byte> ReadContents(AsnReader reader)
    {
        var contents = reader.PeekContentBytes();
        reader.ReadEncodedValue();
        return contents;
    }

    private static bool IsTime(Asn1Tag tag) => tag == Asn1Tag.UtcTime || tag == Asn1Tag.GeneralizedTime;

    private static DateTimeOffset ReadTime(AsnReader reader) =>
        reader.PeekTag() == Asn1Tag.UtcTime ? reader.ReadUtcTime(TwoDigitYearMax) : reader.ReadGeneralizedTime();

    private static RejectedException Unsupported(string path, string what, string remedy) => new(
        RejectionReason.RevocationListUnsupported, $"{path} contains a revocation list {what}, which is not supported; {remedy}.");
}
