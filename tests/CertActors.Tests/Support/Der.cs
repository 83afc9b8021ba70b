using System.Formats.Asn1;
using System.Security.Cryptography;

namespace CertActors.Tests.Support;

/// <summary>Writes DER anew with other values in it, as what .NET itself doesn't make.</summary>
internal static class Der
{
    public static byte[] WithIntegers(byte[] der, int from, int to) =>
        Rewrite(der, (tag, value, written) =>
        {
            if (tag != Asn1Tag.Integer || AsnDecoder.ReadInteger(value, AsnEncodingRules.BER, out _) != from)
                return false;
            written.WriteInteger(to);
            return true;
        });

    public static byte[] WithObjectIdentifiers(byte[] der, string from, string to) =>
        Rewrite(der, (tag, value, written) =>
        {
            if (tag != Asn1Tag.ObjectIdentifier || AsnDecoder.ReadObjectIdentifier(value, AsnEncodingRules.BER, out _) != from)
                return false;
            written.WriteObjectIdentifier(to);
            return true;
        });

    /// <summary>The same for the only block of a PEM file.</summary>
    public static string InPem(string pem, Func<byte[], byte[]> rewrite)
    {
        var fields = PemEncoding.Find(pem);
        return PemEncoding.WriteString(pem[fields.Label], rewrite(Convert.FromBase64String(pem[fields.Base64Data]))) + "\n";
    }

    private delegate bool OnValue(Asn1Tag tag, ReadOnlySpan<byte> encoded, AsnWriter written);

    private static byte[] Rewrite(byte[] der, OnValue onValue)
    {
        var written = new AsnWriter(AsnEncodingRules.DER);
        Copy(new AsnReader(der, AsnEncodingRules.BER), written, onValue);
        return written.Encode();
    }

    private static void Copy(AsnReader reader, AsnWriter writer, OnValue onValue)
    {
        while (reader.HasData)
        {
            var tag = reader.PeekTag();
            if (tag.IsConstructed)
            {
                using (tag == new Asn1Tag(UniversalTagNumber.SetOf, isConstructed: true) ? writer.PushSetOf() : writer.PushSequence(tag))
                    Copy(new AsnReader(reader.PeekContentBytes(), AsnEncodingRules.BER), writer, onValue);
                reader.ReadEncodedValue();
                continue;
            }

            var value = reader.ReadEncodedValue().Span;
            if (!onValue(tag, value, writer))
                writer.WriteEncodedValue(value);
        }
    }
}
