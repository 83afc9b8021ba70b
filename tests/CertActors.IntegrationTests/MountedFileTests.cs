using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>Single files that are mounted into a namespace and changed outside of it, as a host does with a container.</summary>
public sealed class MountedFileTests : IDisposable
{
    private readonly DirectoryInfo _host = Directory.CreateTempSubdirectory("certactors-test-");
    private readonly DirectoryInfo _container = Directory.CreateTempSubdirectory("certactors-test-");

    public MountedFileTests()
    {
        Write(SelfMadePair.Make());
        foreach (var name in (string[])["tls.crt", "tls.key"])
            File.WriteAllText(Path.Combine(_container.FullName, name), "");
    }

    public void Dispose()
    {
        _host.Delete(recursive: true);
        _container.Delete(recursive: true);
    }

    [UserNamespaceFact]
    public async Task What_the_host_writes_in_place_is_an_event_and_what_it_renames_is_warned_of()
    {
        using var server = ServerProcess.StartOnMountedFiles(
            _host.FullName, _container.FullName, "--cert", In(_container, "tls.crt"), "--key", In(_container, "tls.key"), "--port", "0");
        var address = await server.ListensAsync();
        await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("watchMode").GetString() == "Events");
        await Wait.UntilAsync(() => Logged(server, "tls.crt is mounted as a single file"));

        // A poll may sometimes be faster than the event. Without events it always is.
        HashSet<string?> reasons = [];
        var next = SelfMadePair.Make();
        for (var rotation = 0; rotation < 3; rotation++)
        {
            Write(next = SelfMadePair.Make());
            await Wait.UntilAsync(async () => (await server.StatusAsync(address)).GetProperty("sha256").GetString() == next.Sha256);
            reasons.Add((await server.StatusAsync(address)).GetProperty("lastChange").GetProperty("reason").GetString());
        }

        Assert.Contains("FileChange", reasons);

        File.WriteAllText(In(_host, "next"), SelfMadePair.Make().CertificatePem);
        File.Move(In(_host, "next"), In(_host, "tls.crt"), overwrite: true);
        await Wait.UntilAsync(() => Logged(server, "link count 0"));
        Assert.Equal(next.Sha256, (await server.StatusAsync(address)).GetProperty("sha256").GetString());

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    private static bool Logged(ServerProcess server, string text) =>
        server.Output.Any(line => line.Contains(text, StringComparison.Ordinal) && line.Contains("mount its directory", StringComparison.Ordinal));

    private SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(In(_host, "tls.crt"), pair.CertificatePem);
        File.WriteAllText(In(_host, "tls.key"), pair.KeyPem);
        return pair;
    }

    private static string In(DirectoryInfo directory, string name) => Path.Combine(directory.FullName, name);
}
