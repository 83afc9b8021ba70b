using System.Formats.Asn1;
using System.Numerics;
using CertActors.Reloading.Formats;
using CsCheck;

namespace CertActors.Tests;

/// <summary>The table of revoked serial numbers says the same as a set of numbers.</summary>
public sealed class RevokedSerialsSpec
{
    private static readonly Gen<byte[]> Serial = Gen.Byte.Array[1, RevokedSerials.MaxLength - 1];

    // Close to each other, so that some are asked for that aren't there and differ in one bit, or in their length.
    private static readonly Gen<byte[]> Near = Gen.Select(Gen.Int[1, 3], Gen.Byte[0, 3]).Select(what => Enumerable.Repeat(what.Item2, what.Item1).ToArray());

    [Fact]
    public void A_serial_number_is_revoked_if_and_only_if_the_list_has_it() =>
        Gen.Select(Gen.OneOf(Serial, Near).Array[0, 200], Gen.OneOf(Serial, Near).Array[0, 200]).Sample((listed, others) =>
        {
            var serials = RevokedSerials.Read(Encode(listed));
            var expected = listed.Select(Number).ToHashSet();

            return serials.Count == listed.Length
                && listed.All(serial => serials.Contains(serial))
                && others.All(serial => serials.Contains(serial) == expected.Contains(Number(serial)));
        });

    [Fact]
    public void Leading_zeros_make_no_difference()
    {
        var serials = RevokedSerials.Read(Encode([[0x80], [0x12, 0x34]]));

        Assert.True(serials.Contains([0x80]));
        Assert.True(serials.Contains([0x00, 0x80]));
        Assert.True(serials.Contains([.. new byte[100], 0x12, 0x34]));
        Assert.False(serials.Contains([0x12]));
        Assert.False(serials.Contains([0x34]));
        Assert.False(serials.Contains([0x12, 0x34, 0x00]));
        Assert.False(serials.Contains([]));
    }

    [Fact]
    public void An_empty_list_revokes_nothing() => Assert.False(RevokedSerials.Read([]).Contains([1]));

    private static BigInteger Number(byte[] serial) => new(serial, isUnsigned: true, isBigEndian: true);

    private static byte[] Encode(byte[][] serials)
    {
        var entries = new AsnWriter(AsnEncodingRules.DER);
        using (entries.PushSequence())
        {
            foreach (var serial in serials)
            {
                using (entries.PushSequence())
                {
                    entries.WriteInteger(Number(serial));
                    entries.WriteUtcTime(DateTimeOffset.UnixEpoch);
                }
            }
        }

        return new AsnReader(entries.Encode(), AsnEncodingRules.DER).PeekContentBytes().ToArray();
    }
}
