using ArchUnitNET.Domain;
using ArchUnitNET.Loader;

namespace CertActors.Tests;

/// <summary>The folders of the core depend on each other in one direction, so that each can be read without those that use it.</summary>
public sealed class ArchitectureSpec
{
    private const string Root = "CertActors";

    private static readonly Architecture Core = new ArchLoader().LoadAssembly(typeof(CertificateHolder).Assembly).Build();

    // What a folder may use, besides itself and the public types of the root.
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Diagnostics"] = [],
        ["Configuration"] = ["Diagnostics"],
        ["Scheduling"] = [],
        ["Holding"] = ["Verifying", "Diagnostics"],
        ["Disk"] = [],
        ["Reloading.Formats"] = ["Diagnostics"],
        ["Verifying"] = ["Reloading.Formats", "Diagnostics"],
        ["Clients"] = ["Verifying"],
        ["Reloading.Judging"] = ["Reloading.Formats", "Verifying", "Diagnostics"],
        ["Reloading"] = ["Reloading.Formats", "Reloading.Judging", "Verifying", "Holding", "Disk", "Scheduling", "Diagnostics"],
        ["Debouncing"] = ["Reloading", "Disk", "Diagnostics"],
        ["Hooks"] = ["Reloading", "Diagnostics"],
        ["Watching.Sources"] = ["Disk"],
        ["Watching"] = ["Watching.Sources", "Debouncing", "Disk", "Scheduling", "Diagnostics"],
        ["Supervision"] =
            ["Watching", "Watching.Sources", "Debouncing", "Hooks", "Reloading", "Reloading.Formats", "Reloading.Judging", "Verifying", "Holding", "Disk", "Scheduling", "Diagnostics"],
    };

    // The public types that lead into the folders; all others are vocabulary, and depend on none.
    private static readonly Dictionary<string, string[]> EntryPoints = new()
    {
        [nameof(CertificateSupervisor)] = ["Configuration", "Supervision", "Watching", "Debouncing", "Reloading", "Holding", "Disk"],
        [nameof(CertificateHolder)] = ["Holding", "Verifying"],
        [nameof(CertificateTlsExtensions)] = ["Clients"],
        [nameof(CertificateHttpHandler)] = ["Clients"],
        [nameof(CertificateCheck)] = ["Reloading", "Reloading.Formats", "Reloading.Judging", "Verifying", "Disk"],
        [nameof(ServingCertificate)] = ["Reloading.Formats", "Holding"],
        [nameof(TrustBundle)] = ["Verifying", "Reloading.Formats", "Holding"],
        [nameof(ServerIdentity)] = ["Verifying"],
    };

    // Otherwise a folder could reach upward by way of the root.
    private static readonly Dictionary<string, string[]> UsersOfEntryPoints = new()
    {
        [nameof(CertificateSupervisor)] = ["Supervision"],
        [nameof(CertificateCheck)] = [],
        [nameof(CertificateHttpHandler)] = [],
        [nameof(CertificateTlsExtensions)] = [],
        [nameof(CertificateHolder)] = ["Holding", "Clients", "Supervision"],
        [nameof(ServingCertificate)] = ["Holding", "Clients", "Reloading", "Supervision"],
        [nameof(TrustBundle)] = ["Holding", "Clients", "Reloading", "Supervision"],
        [nameof(ServerIdentity)] = [],
    };

    [Fact]
    public void Each_folder_depends_on_those_below_it_alone() =>
        AssertNone(use => use.Folder != Root && use.UsedFolder != Root && !IsListed(Allowed, use.Folder, use.UsedFolder));

    [Fact]
    public void A_public_type_leads_into_no_folder_unless_it_is_an_entry_point() =>
        AssertNone(use => use.Folder == Root && use.UsedFolder != "Diagnostics" && !IsListed(EntryPoints, use.Type, use.UsedFolder));

    [Fact]
    public void An_entry_point_is_used_by_those_above_it_alone() =>
        AssertNone(use => use.UsedFolder == Root && UsersOfEntryPoints.ContainsKey(use.UsedType) && !IsListed(UsersOfEntryPoints, use.UsedType, use.Folder));

    [Fact]
    public void The_root_holds_the_public_types_and_nothing_else()
    {
        var types = typeof(CertificateHolder).Assembly.GetTypes().Where(type => !type.IsNested && type.Namespace?.StartsWith(Root, StringComparison.Ordinal) == true);

        Assert.Empty(types.Where(type => type.IsPublic != (type.Namespace == Root)).Select(type => type.FullName));
    }

    [Fact]
    public void Every_folder_has_its_rule()
    {
        var folders = Core.Types.Select(type => FolderOf(type.FullName)).OfType<string>().Where(folder => folder != Root).Distinct();

        Assert.Equal(Allowed.Keys.Order(), folders.Order());
    }

    private static bool IsListed(Dictionary<string, string[]> table, string key, string value) =>
        table.TryGetValue(key, out var values) && values.Contains(value);

    // Assert.Empty shows the first words of the first elements only.
    private static void AssertNone(Func<Dependency, bool> isWrong)
    {
        var wrong = Dependencies().Where(isWrong).Distinct();
        Assert.False(wrong.Any(), string.Join(Environment.NewLine, wrong));
    }

    private static IEnumerable<Dependency> Dependencies() =>
        from type in Core.Types
        let folder = FolderOf(type.FullName)
        where folder is not null
        from dependency in type.Dependencies
        let used = dependency.Target.FullName
        let usedFolder = FolderOf(used)
        where usedFolder is not null && usedFolder != folder
        select new Dependency(folder, NameOf(type.FullName), usedFolder, NameOf(used));

    // "CertActors.Disk.DiskFiles+OpenFile": the folder is that of the outer type.
    private static string? FolderOf(string fullName)
    {
        var outer = fullName.Split('+', '`', '<')[0];
        return outer.LastIndexOf('.') is var dot && dot > 0 && outer[..dot] is var name && (name == Root || name.StartsWith($"{Root}.", StringComparison.Ordinal))
            ? name == Root ? Root : name[(Root.Length + 1)..]
            : null;
    }

    private static string NameOf(string fullName) => fullName.Split('+', '`', '<')[0].Split('.')[^1];

    private sealed record Dependency(string Folder, string Type, string UsedFolder, string UsedType)
    {
        public override string ToString() => $"{Folder}: {Type} uses {UsedType} ({UsedFolder})";
    }
}
