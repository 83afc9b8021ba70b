using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace CertActors.Reloading.Formats;

/// <summary>The names of a subject alternative name (RFC 5280, 4.2.1.6) that are neither DNS names nor IP addresses.</summary>
internal static class OtherNames
{
    /// <returns>Each name with its kind before it, as OpenSSL prints them, such as <c>URI:spiffe://example.org/server</c>.</returns>
    public static IEnumerable<string> Of(X509Certificate2 certificate)
    {
        foreach (var extension in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
        {
            var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (Read(names) is { } name)
                    yield return name;
            }
        }
    }

    private static string? Read(AsnReader names)
    {
        const int otherName = 0, email = 1, directory = 4, uri = 6, registered = 8;
        var tag = names.PeekTag();
        switch (tag.TagValue)
        {
            case otherName:
                return $"other:{names.ReadSequence(tag).ReadObjectIdentifier()}";
            case email:
                return $"email:{names.ReadCharacterString(UniversalTagNumber.IA5String, tag)}";
            case directory:
                return $"directory:{new X500DistinguishedName(names.ReadSequence(tag).ReadEncodedValue().Span).Name}";
            case uri:
                return $"URI:{names.ReadCharacterString(UniversalTagNumber.IA5String, tag)}";
            case registered:
                return $"OID:{names.ReadObjectIdentifier(tag)}";
            default:
                // DNS names, addresses, and two kinds that are not in use (x400Address, ediPartyName).
                names.ReadEncodedValue();
                return null;
        }
    }
}
