using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>The server as a process: command line, signals, standard output and error, exit code.</summary>
internal sealed class ServerProcess : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private readonly TaskCompletionSource<Uri> _listens = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process, bool isRead = true)
    {
        _process = process;
        process.OutputDataReceived += (_, line) => OnOutput(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(_errors, line.Data);
        process.Start();
        if (!isRead)
            return;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public IReadOnlyList<string> Output => [.. _output];

    public IReadOnlyList<string> Errors => [.. _errors];

    public bool HasExited => _process.HasExited;

    public HttpClient Client { get; } = new(new HttpClientHandler
    {
        ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate is not null,
    });

    /// <summary>The targets of the open descriptors: proc_pid_fd(5).</summary>
    public string[] Descriptors() =>
        [.. Directory.GetFiles($"/proc/{_process.Id}/fd").Select(descriptor => new FileInfo(descriptor).LinkTarget).OfType<string>()];

    /// <summary>Whether it has loaded a library: proc_pid_maps(5).</summary>
    public bool HasLoaded(string library) => File.ReadLines($"/proc/{_process.Id}/maps").Any(line => line.EndsWith($"/{library}.dll", StringComparison.Ordinal));

    /// <summary>Changes the limit of open files; the limit at the start is the maximum.</summary>
    public async Task LimitDescriptorsAsync(int most)
    {
        using var limit = Process.Start("prlimit", ["--pid", $"{_process.Id}", $"--nofile={most}:"]);
        await limit.WaitForExitAsync();
        Assert.Equal(0, limit.ExitCode);
    }

    public static ServerProcess Start(params string[] arguments) => Run([.. Server, .. arguments]);

    /// <summary>Starts it in a working directory, with variables of the environment.</summary>
    public static ServerProcess StartIn(string directory, (string Name, string Value)[] environment, params string[] arguments) =>
        Run([.. Server, .. arguments], isRead: true, directory, environment);

    /// <summary>Starts another program that serves.</summary>
    public static ServerProcess StartProgram(string directory, string[] command, params (string Name, string Value)[] environment) =>
        Run(command, isRead: true, directory, environment);

    /// <summary>Starts it by a shell script that ends in <c>exec "$@"</c>.</summary>
    public static ServerProcess StartBy(string script, params string[] arguments) => StartBy(script, isRead: true, arguments);

    /// <inheritdoc cref="StartBy(string, string[])"/>
    public static ServerProcess StartBy(string script, bool isRead, params string[] arguments) =>
        Run(["sh", "-c", script, "sh", .. Server, .. arguments], isRead);

    /// <summary>Starts it in a user namespace of its own (user_namespaces(7)) in which no inotify instance is available.</summary>
    public static ServerProcess StartWithoutInotify(params string[] arguments) =>
        Run([.. UserNamespaceFactAttribute.WithoutInotify, .. Server, .. arguments]);

    /// <summary>Starts it in a mount namespace of its own (mount_namespaces(7)), in which one directory is mounted over another when a file appears.</summary>
    public static ServerProcess StartAndMount(string when, string from, string to, params string[] arguments) =>
        Run(["unshare", "-Urm", "sh", "-c", MountLater, "sh", when, from, to, .. Server, .. arguments]);

    /// <summary>Starts it in a mount namespace of its own, in which each file of one directory is mounted over the file with the same name in another.</summary>
    public static ServerProcess StartOnMountedFiles(string from, string to, params string[] arguments) =>
        Run(["unshare", "-Urm", "sh", "-ec", MountFiles, "sh", from, to, .. Server, .. arguments]);

    private const string MountFiles =
        """
        from=$1 to=$2; shift 2
        for file in "$from"/*; do mount --bind "$file" "$to/${file##*/}"; done
        exec "$@"
        """;

    /// <summary>
    /// Starts it with a limit of open files (getrlimit(2)), which can be lowered and raised again while it runs. Tiered compilation is off: the runtime
    /// starts its thread from time to time, which needs descriptors, and ends the process if there are none.
    /// </summary>
    public static ServerProcess StartWithDescriptors(int most, params string[] arguments) =>
        Run(["sh", "-c", "ulimit -n \"$0\"; exec \"$@\"", $"{most}", .. Server, .. arguments], isRead: true, "", ("DOTNET_TieredCompilation", "0"));

    private const string MountLater =
        """
        when=$1 from=$2 to=$3; shift 3
        "$@" & server=$!
        trap 'kill $server' TERM
        while [ ! -e "$when" ] && kill -0 $server; do sleep 0.05; done
        mount --bind "$from" "$to"
        wait $server; wait $server
        """;

    private static string[] Server => [Environment.ProcessPath!, typeof(SelfMadePair).Assembly.Location];

    private static ServerProcess Run(string[] command, bool isRead = true, string directory = "", params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = directory,
        };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        return new ServerProcess(new Process { StartInfo = start }, isRead);
    }

    /// <summary>Waits until it listens, and returns the address.</summary>
    public Task<Uri> ListensAsync() => _listens.Task.WaitAsync(Generous);

    /// <summary>Waits until the process handles SIGHUP (proc_pid_status(5)): its signal handlers are registered from then on.</summary>
    public async Task HandlesSignalsAsync()
    {
        using var limit = new CancellationTokenSource(Generous);
        while (!await HandlesHangUpAsync())
            await Task.Delay(TimeSpan.FromMilliseconds(5), limit.Token);

        async Task<bool> HandlesHangUpAsync()
        {
            const string caught = "SigCgt:";
            var status = await File.ReadAllLinesAsync($"/proc/{_process.Id}/status", limit.Token);
            return (ulong.Parse(status.Single(line => line.StartsWith(caught, StringComparison.Ordinal))[caught.Length..], NumberStyles.HexNumber, null) & 1) != 0;
        }
    }

    /// <summary>The port that it listens on, from the kernel (proc_pid_net(5)): for a server whose output is not read.</summary>
    public async Task<int> PortAsync()
    {
        const string listening = "0A";
        using var limit = new CancellationTokenSource(Generous);
        while (true)
        {
            var sockets = Descriptors().ToHashSet(StringComparer.Ordinal);
            List<string> lines = [];
            foreach (var table in (string[])[$"/proc/{_process.Id}/net/tcp", $"/proc/{_process.Id}/net/tcp6"])
                lines.AddRange(File.Exists(table) ? await File.ReadAllLinesAsync(table, limit.Token) : []);
            if (lines.Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .FirstOrDefault(fields => fields[3] == listening && sockets.Contains($"socket:[{fields[9]}]")) is [_, var address, ..])
                return int.Parse(address.Split(':')[1], NumberStyles.HexNumber, null);
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
        }
    }

    /// <summary>The state of its pair on the status page.</summary>
    public async Task<JsonElement> StatusAsync(Uri address)
    {
        using var json = JsonDocument.Parse(await Client.GetStringAsync(new Uri(address, "status")));
        return Assert.Single(json.RootElement.GetProperty("certificates").EnumerateArray()).Clone();
    }

    /// <summary>The pairs on the status page, each with its state.</summary>
    public async Task<Dictionary<string, JsonElement>> StatusesAsync(Uri address)
    {
        using var json = JsonDocument.Parse(await Client.GetStringAsync(new Uri(address, "status")));
        return json.RootElement.GetProperty("certificates").EnumerateArray().ToDictionary(pair => pair.GetProperty("name").GetString()!, pair => pair.Clone());
    }

    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        await kill.WaitForExitAsync().WaitAsync(Generous);
    }

    public async Task<int> ExitAsync()
    {
        using var limit = new CancellationTokenSource(Generous);
        await _process.WaitForExitAsync(limit.Token);
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
        Client.Dispose();
    }

    private void OnOutput(string? line)
    {
        Keep(_output, line);
        if (line?.Split(' ', ';').FirstOrDefault(word => word.StartsWith("https://", StringComparison.Ordinal)) is { } address)
            _listens.TrySetResult(new Uri(address));
    }

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
            lines.Enqueue(line);
    }
}
