using System.Globalization;
using BenchmarkDotNet.Running;
using CertActors.Benchmarks;

switch (args)
{
    case ["micro", .. var options]:
        BenchmarkSwitcher.FromTypes([typeof(LookUp), typeof(NameLookUp), typeof(NameLookUpThreads), typeof(CountedPeers)]).Run(options is [] ? ["--filter", "*"] : options);
        return 0;
    case ["handshakes"]:
        return await Handshakes.RunAsync();
    case ["drain"]:
        return await Drain.RunAsync(connections: 10_000);
    case ["drain", var connections] when int.TryParse(connections, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Drain.RunAsync(count);
    case ["rotations"]:
        return await Rotations.RunAsync();
    case ["rotations", "kestrel"]:
        return await Rotations.RunKestrelAsync();
    case ["watching"]:
        return await Watching.RunAsync(pairs: 10_000);
    case ["watching", var pairs] when int.TryParse(pairs, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Watching.RunAsync(count);
    case ["starting"]:
        return await Starting.RunAsync(pairs: 10_000);
    case ["starting", var pairs] when int.TryParse(pairs, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Starting.RunAsync(count);
    case ["fuzz"]:
        return Fuzzing.Run(inputs: 1_000_000, Environment.TickCount);
    case ["fuzz", var inputs, .. var rest] when long.TryParse(inputs, CultureInfo.InvariantCulture, out var count) && count > 0:
        return Fuzzing.Run(count, rest is [var text] && int.TryParse(text, CultureInfo.InvariantCulture, out var seed) ? seed : Environment.TickCount);
    case ["replaced"]:
        return await Replaced.RunAsync(rotations: 20_000);
    case ["replaced", var rotations] when int.TryParse(rotations, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Replaced.RunAsync(count);
    case ["many"]:
        return await Many.RunAsync();
    case ["many", var algorithm and ("ecdsa" or "rsa"), var pairs] when int.TryParse(pairs, CultureInfo.InvariantCulture, out var count) && count > 0:
        return await Many.RunAsync(count, isRsa: algorithm == "rsa");
    case ["rotating"]:
        return await Rotating.RunAsync();
    case [HandshakeServer.Command, var kind, var directory]:
        return await HandshakeServer.RunAsync(kind, directory);
    default:
        Console.Error.WriteLine("usage: CertActors.Benchmarks micro | handshakes | drain [connections] | rotations [kestrel] | rotating | watching [pairs] | starting [pairs] | many [ecdsa|rsa PAIRS] | fuzz [inputs [seed]] | replaced [rotations]");
        return 2;
}
