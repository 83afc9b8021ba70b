using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace CertActors.Tests.Support;

/// <summary>Damages files at random in every way.</summary>
/// <param name="random">Where chance comes from.</param>
/// <param name="other">Another file, whose parts may end up in a damaged one.</param>
internal sealed class Damage(Random random, Func<byte[]> other)
{
    private int _truncations;

    /// <returns>A file, damaged.</returns>
    public byte[] Of(byte[] file)
    {
        // Within PEM, what is encoded, as often as the text.
        if (random.Next(2) == 0 && PemEncoding.TryFindUtf8(file, out var block))
        {
            var der = Convert.FromBase64String(Encoding.ASCII.GetString(file[block.Base64Data]));
            return [.. file[..block.Location.Start], .. PemEncoding.WriteUtf8(file[block.Label], DamageBytes(der)), (byte)'\n', .. file[block.Location.End..]];
        }

        return DamageBytes(file);
    }

    private byte[] DamageBytes(byte[] bytes)
    {
        if (bytes.Length == 0)
            return [0];
        var at = random.Next(bytes.Length);
        switch (random.Next(9))
        {
            case 0:
                return bytes[..(_truncations++ % bytes.Length)]; // At every byte, in turn.
            case 1:
                var another = other();
                return [.. bytes[..at], .. another[random.Next(another.Length)..]];
            case 2:
                return [.. bytes[..at], .. LengthBomb(), .. bytes[at..]];
            case 3:
                return [.. bytes[..at], .. Nested(), .. bytes[at..]];
            case 4:
                return [.. bytes, .. bytes[at..]];
            case 5:
                return bytes[at..];
            case 6:
                return [.. Enumerable.Repeat("-----BEGIN CERTIFICATE-----\n"u8.ToArray(), random.Next(2_000)).SelectMany(line => line), .. bytes];
            default:
                byte[] flipped = [.. bytes];
                for (var flips = random.Next(1, 9); flips > 0; flips--)
                    flipped[random.Next(flipped.Length)] ^= (byte)(1 << random.Next(8));
                return flipped;
        }
    }

    /// <summary>A value that says it's as long as can be said.</summary>
    private byte[] LengthBomb()
    {
        byte[] bomb = [(byte)(random.Next(2) == 0 ? 0x30 : 0x04), 0x84, 0, 0, 0, 0];
        BinaryPrimitives.WriteInt32BigEndian(bomb.AsSpan(2), random.Next(1 << 10, int.MaxValue));
        return bomb;
    }

    /// <summary>Sequences within sequences, each without a stated end.</summary>
    private byte[] Nested()
    {
        var nested = new byte[2 * random.Next(1, 5_000)];
        for (var i = 0; i < nested.Length; i += 2)
            (nested[i], nested[i + 1]) = (0x30, 0x80);
        return nested;
    }
}
