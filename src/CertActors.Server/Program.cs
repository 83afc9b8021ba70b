using System.Net;
using System.Net.Sockets;
using CertActors;
using CertActors.Server;

const int failed = 1, usage = 2;
switch (CommandLine.Parse(args, out var exitCode))
{
    case Arguments arguments:
        return await ServeAsync(arguments);
    case CheckArguments check:
        return Check(check);
    default:
        return exitCode;
}

static async Task<int> ServeAsync(Arguments arguments)
{
    try
    {
        return arguments.Pair is { } pair
            ? await Serving.RunAsync(pair, new IPEndPoint(arguments.Address, arguments.Port))
            : await Demonstration.RunAsync(arguments);
    }
    catch (SocketException error)
    {
        Console.Error.WriteLine($"certactors: {arguments.Address} port {arguments.Port} can't be listened on: {error.Message}; name another --address or --port.");
        return failed;
    }
    catch (CertificateNotLoadedException error) when (error.Failure is { } failure)
    {
        Console.Error.WriteLine($"certactors: {CheckReport.Line(failure.Reason, failure.Message)}");
        return failed;
    }
    catch (Exception error) when (error is CertificateNotLoadedException or IOException or UnauthorizedAccessException)
    {
        // What a user can mend is one line: the path or the address, the reason, the remedy.
        Console.Error.WriteLine($"certactors: {error.Message.ReplaceLineEndings(" ")}");
        return failed;
    }
}

static int Check(CheckArguments check)
{
    try
    {
        var report = CertificateCheck.Run(check.Pair, DateTimeOffset.UtcNow);
        Console.Out.Write(check.IsJson ? CheckReport.Json(report) : CheckReport.Text(report));
        return report.IsAccepted ? 0 : failed;
    }
    catch (CertificateOptionsException error)
    {
        Console.Error.WriteLine($"certactors: {error.Message.ReplaceLineEndings(" ")}");
        return usage;
    }
}
