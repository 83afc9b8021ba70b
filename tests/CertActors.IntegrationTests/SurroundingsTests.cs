using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using CertActors.Server;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;

namespace CertActors.IntegrationTests;

/// <summary>The server starts, serves and ends under any parent process, and with any standard output.</summary>
public sealed class SurroundingsTests : IDisposable
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("certactors-test-");

    private string CertPath => Path.Combine(_directory.FullName, "tls.crt");

    private string KeyPath => Path.Combine(_directory.FullName, "tls.key");

    private string[] Arguments => ["--cert", CertPath, "--key", KeyPath, "--port", "0"];

    public void Dispose() => _directory.Delete(recursive: true);

    [Theory]
    [InlineData("exec \"$@\" >&-")]
    [InlineData("exec \"$@\" <&- >&- 2>&-")]
    [InlineData("exec \"$@\" >/dev/full 2>/dev/full")]
    [InlineData("head -c 65536 /dev/zero; head -c 65536 /dev/zero >&2; exec \"$@\"")] // Two full pipes without a reader: pipe(7).
    public async Task It_serves_rotates_and_ends_whatever_becomes_of_its_output(string script)
    {
        Write(SelfMadePair.Make());
        using var server = ServerProcess.StartBy(script, isRead: false, Arguments);
        await UntilServedAsync(server, "\"generation\":1");

        File.WriteAllText(KeyPath, "garbage");
        await UntilServedAsync(server, "KeyMalformed");
        var next = Write(SelfMadePair.Make());
        await UntilServedAsync(server, next.Sha256);

        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task Why_it_ends_is_said_on_standard_error_also_where_nobody_reads_standard_output()
    {
        // The first log line does not fit into standard output.
        var errors = Path.Combine(_directory.FullName, "errors");
        using var server = ServerProcess.StartBy($"head -c 65536 /dev/zero; exec \"$@\" 2>'{errors}'", isRead: false, Arguments);
        Assert.Equal(1, await server.ExitAsync());
        Assert.Contains(CertPath, Assert.Single(await File.ReadAllLinesAsync(errors)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_that_has_reached_the_limit_of_a_file_ends_nothing()
    {
        Write(SelfMadePair.Make());
        // Large enough for the runtime's own files in memory, which have some GB, and sparse.
        var log = Path.Combine(_directory.FullName, "log");
        using var server = ServerProcess.StartBy($"truncate -s 8G '{log}'; ulimit -f 8388608; exec \"$@\" >>'{log}'", isRead: false, Arguments);
        await UntilServedAsync(server, "\"generation\":1");
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task It_starts_where_the_working_directory_is_gone()
    {
        Write(SelfMadePair.Make());
        var gone = Directory.CreateDirectory(Path.Combine(_directory.FullName, "gone")).FullName;
        using var server = ServerProcess.StartBy($"cd '{gone}' && rmdir '{gone}' && exec \"$@\"", Arguments);
        await UntilServedAsync(server, "\"generation\":1");
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task A_check_where_the_working_directory_is_gone_judges_full_paths_and_says_the_remedy_for_others()
    {
        Write(SelfMadePair.Make());
        var gone = Directory.CreateDirectory(Path.Combine(_directory.FullName, "gone")).FullName;
        var script = $"mkdir -p '{gone}' && cd '{gone}' && rmdir '{gone}' && exec \"$@\"";
        using (var check = ServerProcess.StartBy(script, "check", "--cert", CertPath, "--key", KeyPath))
            Assert.Equal(0, await check.ExitAsync());

        foreach (var command in (string[][])[["check"], []])
        {
            using var relative = ServerProcess.StartBy(script, [.. command, "--cert", "tls.crt", "--key", KeyPath]);
            Assert.Equal(2, await relative.ExitAsync());
            Assert.Contains("name the full path", Assert.Single(relative.Errors), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("exec \"$@\" >/dev/full")]
    [InlineData("exec \"$@\" 1</dev/null")]
    [InlineData("exec \"$@\" >&-")]
    public async Task A_report_that_can_not_be_written_ends_a_check_with_1_and_one_line(string script)
    {
        Write(SelfMadePair.Make());
        using var check = ServerProcess.StartBy(script, "check", "--cert", CertPath, "--key", KeyPath);
        Assert.Equal(1, await check.ExitAsync());
        Assert.Contains("cannot be written", Assert.Single(check.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_SIGHUP_is_ignored_it_says_so_and_goes_on()
    {
        Write(SelfMadePair.Make());
        using var server = ServerProcess.StartBy("trap '' HUP; exec \"$@\"", Arguments);
        await server.ListensAsync();
        Assert.Contains(server.Output, line => line.Contains("SIGHUP is ignored", StringComparison.Ordinal));
        Assert.DoesNotContain(server.Output, line => line.Contains("SIGHUP reloads", StringComparison.Ordinal));

        await server.SignalAsync("HUP");
        await UntilServedAsync(server, "\"generation\":1");
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task A_SIGHUP_between_the_two_renames_of_a_rotation_does_not_end_the_wait_for_the_second()
    {
        var pair = Write(SelfMadePair.Make());
        File.WriteAllText(KeyPath, SelfMadePair.Make().KeyPem);
        using var server = ServerProcess.Start(Arguments);
        await server.HandlesSignalsAsync();
        await server.SignalAsync("HUP");

        Write(pair);
        await UntilServedAsync(server, pair.Sha256);
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync());
    }

    [Fact]
    public async Task Further_signals_while_it_ends_change_nothing()
    {
        Write(SelfMadePair.Make());
        using var server = ServerProcess.Start(Arguments);
        await server.ListensAsync();
        var exit = server.ExitAsync();
        while (!exit.IsCompleted)
            await server.SignalAsync("TERM");
        Assert.Equal(0, await exit);
    }

    [Fact]
    public async Task A_request_that_is_under_way_is_answered_before_the_end()
    {
        Write(SelfMadePair.Make());
        using var signals = new Signals();
        var pair = new CertificateOptions { CertificatePath = CertPath, KeyPath = KeyPath };
        var arguments = new ServeArguments { Endpoint = new IPEndPoint(IPAddress.Loopback, 0), Configuration = ServerConfiguration.Of(pair) };
        var app = ServerHost.Build(arguments, LogLevel.Error, signals);
        TaskCompletionSource begun = new(), ending = new();
        app.MapGet("/slow", async () =>
        {
            begun.SetResult();
            await ending.Task;
            return "answered";
        });
        app.Lifetime.ApplicationStopping.Register(ending.SetResult);
        await app.StartAsync();

        using var handler = new HttpClientHandler { ServerCertificateCustomValidationCallback = (_, certificate, _, _) => certificate is not null };
        using var client = new HttpClient(handler);
        var answer = client.GetStringAsync(new Uri($"https://{app.ListensOn()}/slow"));
        await begun.Task.WaitAsync(Generous);
        await app.EndAsync();
        Assert.Equal("answered", await answer.WaitAsync(Generous));
    }

    [Theory]
    [InlineData("TERM")]
    [InlineData("INT")]
    public async Task A_signal_ends_it_with_0_whenever_it_comes(string signal)
    {
        for (var delay = 0; delay <= 500; delay += 50)
        {
            Write(SelfMadePair.Make());
            if (delay % 100 == 50)
                File.WriteAllText(KeyPath, SelfMadePair.Make().KeyPem); // The first load waits for the other half.
            using var server = ServerProcess.Start(Arguments);
            await server.HandlesSignalsAsync();
            await Task.Delay(TimeSpan.FromMilliseconds(delay));
            await server.SignalAsync(signal);
            Assert.Equal(0, await server.ExitAsync());
            Assert.Empty(server.Errors);
        }
    }

    [Fact]
    public async Task Half_a_request_holds_up_the_end_for_10_s_at_most()
    {
        Write(SelfMadePair.Make());
        using var server = ServerProcess.Start(Arguments);
        await server.ListensAsync();
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, await server.PortAsync());
        await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate is not null);
        await tls.AuthenticateAsClientAsync("localhost");
        await tls.WriteAsync("GET / HTTP/1.1\r\nHost:"u8.ToArray());
        await tls.FlushAsync();

        // The limit of the server is 10 s; the margin is for a busy machine.
        await server.SignalAsync("TERM");
        Assert.Equal(0, await server.ExitAsync().WaitAsync(TimeSpan.FromSeconds(25)));
    }

    [Fact]
    public async Task Lines_that_nobody_takes_are_dropped_and_counted()
    {
        using var stream = new BlockingStream();
        var output = new QueuedOutput(stream);
        output.WriteLine("first");
        await stream.Blocked.Task.WaitAsync(Generous);
        for (var line = 0; line < 2000; line++)
            output.WriteLine($"line {line}");
        output.Flush(TimeSpan.Zero);

        stream.Open.Set();
        output.Flush(Generous);
        var lines = stream.Text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(("first", "line 0", "line 1023"), (lines[0], lines[1], lines[1024]));
        Assert.Contains("976 lines were dropped", lines[1025], StringComparison.Ordinal);
        Assert.Equal(1026, lines.Length);
    }

    [Fact]
    public void Lines_that_can_not_be_written_are_counted_once_they_can()
    {
        using var stream = new BlockingStream { Fails = true };
        stream.Open.Set();
        var output = new QueuedOutput(stream);
        output.WriteLine("lost");
        output.Flush(Generous);
        output.WriteLine("lost, too");
        output.Flush(Generous);

        stream.Fails = false;
        output.WriteLine("written");
        output.Flush(Generous);
        Assert.Equal(
            ["written", "certactors: 2 lines were dropped because they could not be written."],
            stream.Text.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries));
    }

    private SelfMadePair Write(SelfMadePair pair)
    {
        File.WriteAllText(CertPath, pair.CertificatePem);
        File.WriteAllText(KeyPath, pair.KeyPem);
        return pair;
    }

    private static async Task UntilServedAsync(ServerProcess server, string text)
    {
        using var limit = new CancellationTokenSource(Generous);
        var status = new Uri($"https://127.0.0.1:{await server.PortAsync()}/status");
        while (!(await server.Client.GetStringAsync(status, limit.Token)).Contains(text, StringComparison.Ordinal))
            await Task.Delay(TimeSpan.FromMilliseconds(20), limit.Token);
    }

    /// <summary>A pipe without a reader until it is opened.</summary>
    private sealed class BlockingStream : MemoryStream
    {
        private readonly StringBuilder _text = new();

        public ManualResetEventSlim Open { get; } = new();

        public TaskCompletionSource Blocked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Fails { get; set; }

        public string Text => _text.ToString();

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Blocked.TrySetResult();
            Open.Wait(Generous);
            if (Fails)
                throw new IOException("No space left on device");
            _text.Append(Encoding.UTF8.GetString(buffer));
        }
    }
}
