using System.Collections.Immutable;

namespace CertActors.Disk;

/// <summary>A set of devices. Two sets with the same devices are equal.</summary>
internal sealed class Devices : IEquatable<Devices>
{
    private readonly ImmutableArray<ulong> _sorted;

    private Devices(ImmutableArray<ulong> sorted)
    {
        _sorted = sorted;
    }

    public static Devices None { get; } = new([]);

    public bool Contains(ulong device) => _sorted.BinarySearch(device) >= 0;

    public Devices With(ulong device) => Contains(device) ? this : new(_sorted.Add(device).Sort());

    public bool Equals(Devices? other) => other is not null && _sorted.AsSpan().SequenceEqual(other._sorted.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as Devices);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var device in _sorted)
            hash.Add(device);
        return hash.ToHashCode();
    }
}
