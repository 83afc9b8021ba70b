using System.Collections.ObjectModel;

namespace CertActors.Diagnostics;

/// <summary>A list of options: it can be changed, compares by value and prints its elements.</summary>
/// <remarks>Serializers that write the types of what they write, as Akka's do, write this one: its name is part of the format.</remarks>
internal sealed class OptionList<T>(IEnumerable<T> items) : Collection<T>([.. items]), IEquatable<OptionList<T>>
{
    public OptionList()
        : this([])
    {
    }

    public bool Equals(OptionList<T>? other) => other is not null && this.SequenceEqual(other);

    public override bool Equals(object? obj) => Equals(obj as OptionList<T>);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var item in this)
            hash.Add(item);
        return hash.ToHashCode();
    }

    public override string ToString() => $"[{string.Join(", ", this)}]";
}

internal static class OptionList
{
    /// <returns>A copy, so that a change of the other list changes no options; empty for null.</returns>
    public static OptionList<T> Of<T>(IList<T>? items) => new(items ?? []);
}
