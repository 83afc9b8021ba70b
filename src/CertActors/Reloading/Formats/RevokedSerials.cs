using System.Formats.Asn1;

namespace CertActors.Reloading.Formats;

/// <summary>The serial numbers of a revocation list. A look-up takes constant time.</summary>
/// <remarks>
/// A list may have a million entries: the numbers are in one array, each as long as the longest, and grouped by their hashes. An entry with a serial
/// number of 20 bytes takes 24 bytes, and no object. The bytes are compared without leading zeros, so that a negative number, which RFC 5280, 4.1.2.2
/// forbids, equals the positive one with the same bytes.
/// </remarks>
internal sealed class RevokedSerials
{
    /// <summary>The longest serial number, in bytes. RFC 5280, 4.1.2.2 allows 20.</summary>
    public const int MaxLength = 32;

    private readonly byte[] _serials;
    private readonly int[] _ends;
    private readonly int _width;

    private RevokedSerials(byte[] serials, int[] ends, int width, int count)
    {
        _serials = serials;
        _ends = ends;
        _width = width;
        Count = count;
    }

    private delegate void OnSerial(ReadOnlySpan<byte> serial);

    /// <summary>How many entries the list has.</summary>
    public int Count { get; }

    /// <param name="entries">The contents of <c>revokedCertificates</c> (RFC 5280, 5.1.2.6), whose extensions were checked.</param>
    /// <exception cref="AsnContentException">An entry cannot be decoded.</exception>
    public static RevokedSerials Read(ReadOnlySpan<byte> entries)
    {
        // Reading the entries three times is faster than to keep them between.
        var (count, width) = (0, 1);
        ForEach(entries, serial =>
        {
            count++;
            width = Math.Max(width, serial.Length);
        });

        // Each group begins where the group before ends. With its ends counted first, each is filled from its end downwards.
        var ends = new int[Math.Max(count, 1)];
        ForEach(entries, serial => ends[GroupOf(serial, ends.Length)]++);
        for (var group = 1; group < ends.Length; group++)
            ends[group] += ends[group - 1];

        var next = (int[])ends.Clone();
        var serials = new byte[count * width];
        ForEach(entries, serial => serial.CopyTo(serials.AsSpan((--next[GroupOf(serial, ends.Length)] * width) + width - serial.Length)));
        return new RevokedSerials(serials, ends, width, count);
    }

    /// <param name="serial">The bytes of a serial number, the most significant first.</param>
    public bool Contains(ReadOnlySpan<byte> serial)
    {
        serial = serial.TrimStart((byte)0);
        if (serial.Length > _width)
            return false;

        Span<byte> padded = stackalloc byte[_width];
        padded.Clear();
        serial.CopyTo(padded[(_width - serial.Length)..]);
        var group = GroupOf(serial, _ends.Length);
        for (var place = group == 0 ? 0 : _ends[group - 1]; place < _ends[group]; place++)
        {
            if (_serials.AsSpan(place * _width, _width).SequenceEqual(padded))
                return true;
        }

        return false;
    }

    private static int GroupOf(ReadOnlySpan<byte> serial, int groups)
    {
        var hash = default(HashCode);
        hash.AddBytes(serial);
        return (int)((uint)hash.ToHashCode() % (uint)groups);
    }

    private static void ForEach(ReadOnlySpan<byte> entries, OnSerial onSerial)
    {
        while (!entries.IsEmpty)
        {
            AsnDecoder.ReadSequence(entries, AsnEncodingRules.DER, out var offset, out var length, out var consumed);
            var serial = AsnDecoder.ReadIntegerBytes(entries.Slice(offset, length), AsnEncodingRules.DER, out _).TrimStart((byte)0);
            onSerial(serial);
            entries = entries[consumed..];
        }
    }
}
