using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using CertActors;
using CertActors.Server;

const int failed = 1, usage = 2, interrupted = 130; // 128 + SIGINT, as a shell reports it.

// First of all: see there. The handlers stay to the last, so that a second signal doesn't end what ends already by its default action.
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
        Output.Fail($"{arguments.Address} port {arguments.Port} can't be listened on: {error.Message}; name another --address or --port.");
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
        // What a user can mend is one line: the path or the address, the reason, the remedy.
        Output.Fail(error.Message);
        return failed;
    }
}

static int Check(CheckArguments check, Signals signals)
{
    // A check ends by signals as any command does, also where a disk holds it up.
    signals.Dispose();
    if (signals.Ended.IsCancellationRequested)
        return interrupted;
    try
    {
        var report = CertificateCheck.Run(check.Pair, DateTimeOffset.UtcNow);
        Output.WriteWhole(check.IsJson ? CheckReport.Json(report) : CheckReport.Text(report));
        return report.IsAccepted ? 0 : failed;
    }
    catch (CertificateOptionsException error)
    {
        Output.Fail(error.Message);
        return usage;
    }
    catch (IOException error)
    {
        Output.Fail($"the report can't be written: {error.Message}");
        return failed;
    }
}
