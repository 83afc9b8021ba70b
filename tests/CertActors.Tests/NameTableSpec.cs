using CertActors.Holding;

namespace CertActors.Tests;

/// <summary>The table behind the index of server names.</summary>
public sealed class NameTableSpec
{
    [Fact]
    public void Names_come_and_go_like_those_of_a_dictionary()
    {
        const int steps = 20_000;

        var random = new Random(1);
        var (table, expected) = (new NameTable(), new Dictionary<string, Name>(StringComparer.OrdinalIgnoreCase));
        string[] keys = [.. Enumerable.Range(0, 500).Select(i => i % 3 == 0 ? $"Bücher{i}.example" : $"Host{i}.Example")];
        for (var step = 0; step < steps; step++)
        {
            var key = keys[random.Next(keys.Length)];
            if (random.Next(2) == 0)
                Assert.Same(table.FindOrAdd(key), expected.TryGetValue(key, out var known) ? known : expected[key] = table.Find(key)!);
            else if (expected.Remove(key, out var removed))
                table.Remove(removed);
        }

        Assert.All(keys, key =>
        {
            var name = expected.GetValueOrDefault(key);
            Assert.All([key, key.ToUpperInvariant(), key.ToLowerInvariant()], form => Assert.Same(name, table.Find(form)));
        });
    }

    [Fact]
    public async Task A_name_is_found_all_the_time_while_others_come_and_go()
    {
        const int rounds = 200;
        const int others = 100;

        var table = new NameTable();
        var kept = table.FindOrAdd("kept.example");
        var writing = Task.Run(() =>
        {
            for (var round = 0; round < rounds; round++)
            {
                Name[] added = [.. Enumerable.Range(0, others).Select(i => table.FindOrAdd($"{round}-{i}.example"))];
                foreach (var name in added)
                    table.Remove(name);
            }
        });

        do
            Assert.Same(kept, table.Find("Kept.Example"));
        while (!writing.IsCompleted);
        await writing;
    }

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData("abc")]
    [InlineData("abcd")]
    [InlineData("abcde")]
    [InlineData("ſ")]
    [InlineData("Ā")]
    public void Keys_of_any_length_and_script_are_found(string key)
    {
        var table = new NameTable();
        var name = table.FindOrAdd(key);

        Assert.Same(name, table.Find(key.ToUpperInvariant()));
        Assert.Same(name, table.Find(key.ToLowerInvariant()));
        Assert.Null(table.Find(key + "x"));
        Assert.Null(table.Find("."));
    }
}
