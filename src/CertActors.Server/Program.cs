using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using CertActors;
using CertActors.Server;

const int failed = 1, usage = 2, interrupted = 130; // 128 + SIGINT, as a shell reports it.

// Standard streams are examined before any other file is opened. The signal handlers stay until the end, so that a second signal does not
// interrupt an orderly end.
RuntimeHelpers.RunClassConstructor(typeof(Output).TypeHandle);
var signals = new Signals();
try
{
    return CommandLine.Parse(args, out var exitCode) switch
    {
        Arguments arguments => await ServeAsync(arguments, signals),
        CheckArguments check => Check(check, signals),
        _ => exitCode,
    };
}
finally
{
    Output.Flush();
}

static async Task<int> ServeAsync(Arguments arguments, Signals signals)
{
    try
    {
        if (arguments.Pair is not { } pair)
            return await Demonstration.RunAsync(arguments, signals);
        await Serving.RunAsync(pair, new IPEndPoint(arguments.Address, arguments.Port), arguments.MaxConnections, signals);
        return 0;
    }
    catch (OperationCanceledException) when (signals.Ended.IsCancellationRequested)
    {
        return 0;
    }
    catch (SocketException error)
    {
        Output.Fail($"{arguments.Address} port {arguments.Port} cannot be listened on: {error.Message}; choose another --address or --port.");
        return failed;
    }
    catch (CertificateNotLoadedException error) when (error.Failure is { } failure)
    {
        Output.Fail(CheckReport.Line(failure.Reason, failure.Message));
        return failed;
    }
    catch (CertificateOptionsException error)
    {
        Output.Fail(error.Message);
        return usage;
    }
    catch (Exception error) when (error is CertificateNotLoadedException or IOException or UnauthorizedAccessException)
    {
        // An error that the user can fix is one line: path or address, reason, remedy.
        Output.Fail(error.Message);
        return failed;
    }
}

static int Check(CheckArguments check, Signals signals)
{
    // A check has no orderly end: a signal ends it at once, even while a disk hangs.
    signals.Dispose();
    if (signals.Ended.IsCancellationRequested)
        return interrupted;
    try
    {
        var report = new CheckReport(CertificateCheck.Run(check.Pair, DateTimeOffset.UtcNow, check.Trust, check.MinRemaining), check.IsStrict);
        Output.WriteWhole(check.IsJson ? report.Json() : report.Text(Output.ShowsColors()));
        return report.IsAccepted ? 0 : failed;
    }
    catch (CertificateOptionsException error)
    {
        Output.Fail(error.Message);
        return usage;
    }
    catch (IOException error)
    {
        Output.Fail($"the report cannot be written: {error.Message}");
        return failed;
    }
}
