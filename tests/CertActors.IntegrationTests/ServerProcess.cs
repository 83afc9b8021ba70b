using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using CertActors.Server;

namespace CertActors.IntegrationTests;

/// <summary>The server as its users see it: a process with a command line, signals, two outputs and an exit code.</summary>
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

    public HttpClient Client { get; } = new(new HttpClientHandler
    {
        ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate is not null,
    });

    public static ServerProcess Start(params string[] arguments) => Run([.. Server, .. arguments]);

    /// <summary>By a shell script that ends in <c>exec "$@"</c>.</summary>
    public static ServerProcess StartBy(string script, params string[] arguments) => StartBy(script, isRead: true, arguments);

    /// <inheritdoc cref="StartBy(string, string[])"/>
    public static ServerProcess StartBy(string script, bool isRead, params string[] arguments) =>
        Run(["sh", "-c", script, "sh", .. Server, .. arguments], isRead);

    /// <summary>In a user namespace of its own (user_namespaces(7)) that has no inotify instance to give.</summary>
    public static ServerProcess StartWithoutInotify(params string[] arguments) =>
        Run([.. UserNamespaceFactAttribute.WithoutInotify, .. Server, .. arguments]);

    /// <summary>In a mount namespace of its own (mount_namespaces(7)), in which one directory is bound over another once a file says so.</summary>
    public static ServerProcess StartAndMount(string when, string from, string to, params string[] arguments) =>
        Run(["unshare", "-Urm", "sh", "-c", MountLater, "sh", when, from, to, .. Server, .. arguments]);

    /// <summary>In a mount namespace of its own, in which each file of one directory is bound over the file of its name in another.</summary>
    public static ServerProcess StartOnMountedFiles(string from, string to, params string[] arguments) =>
        Run(["unshare", "-Urm", "sh", "-ec", MountFiles, "sh", from, to, .. Server, .. arguments]);

    private const string MountFiles =
        """
        from=$1 to=$2; shift 2
        for file in "$from"/*; do mount --bind "$file" "$to/${file##*/}"; done
        exec "$@"
        """;

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

    private static ServerProcess Run(string[] command, bool isRead = true) => new(
        new Process
        {
            StartInfo = new ProcessStartInfo(command[0], command[1..])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        },
        isRead);

    /// <summary>Where it listens, once it does.</summary>
    public Task<Uri> ListensAsync() => _listens.Task.WaitAsync(Generous);

    /// <summary>Waits until the process handles SIGHUP (proc_pid_status(5)): its own signal handlers are there from then on.</summary>
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
