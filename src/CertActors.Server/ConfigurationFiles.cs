using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration.Json;

namespace CertActors.Server;

/// <summary>
/// The JSON files of the configuration as one source; a later file replaces keys of those before it. They are applied together: while one of them is
/// damaged, missing or cannot be read in time, the last valid configuration stays in use. The first file may be missing until it was there once.
/// </summary>
/// <remarks>
/// They are read on a thread of their own, one read at a time: a dead mount or a FIFO without a writer blocks nothing else. The thread is started once,
/// as no descriptor may be free later.
/// </remarks>
internal sealed class ConfigurationFiles : ConfigurationProvider, IConfigurationSource
{
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(5);

    private readonly string? _optional;
    private readonly string[] _paths;
    private readonly Lock _lock = new();
    private readonly BlockingCollection<TaskCompletionSource<Dictionary<string, string?>>> _requests = [];

    // The sections of each section. That of the base goes through all keys each time, which takes 10 s with 10,000 pairs.
    private volatile ILookup<string, string> _sections = SectionsOf([]);

    // The last read. It may still be in progress, long after its time limit.
    private Task<Dictionary<string, string?>>? _read;
    private Task<string?> _refresh = Task.FromResult<string?>(null);
    private volatile string _pathInProgress = "";
    private string? _reported;

    // What the last poll has read, if it differs from what is used.
    private Dictionary<string, string?>? _polled;

    // Of the thread that reads.
    private bool _isOptionalThere;

    /// <param name="optional">The file that may be missing; null for none.</param>
    /// <param name="paths">The others.</param>
    public ConfigurationFiles(string? optional, string[] paths)
    {
        (_optional, _paths) = (optional, paths);
        if (HasFiles)
            new Thread(AnswerRequests) { IsBackground = true, Name = "configuration files" }.Start();
    }

    private bool HasFiles => _optional is not null || _paths.Length > 0;

    public IConfigurationProvider Build(IConfigurationBuilder builder) => this;

    /// <summary>Reads the files for the first time.</summary>
    /// <exception cref="InvalidDataException">One of them cannot be read, or is no configuration in JSON.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Load(CancellationToken ended)
    {
        if (HasFiles)
            Use(ReadAsync().WaitAsync(ended).GetAwaiter().GetResult());
    }

    public override IEnumerable<string> GetChildKeys(IEnumerable<string> earlierKeys, string? parentPath) =>
        earlierKeys.Concat(_sections[parentPath ?? ""]).Order(ConfigurationKeyComparer.Instance);

    /// <summary>Reads the files again. A change that is used is reported by the change token before it returns.</summary>
    /// <param name="isPoll">
    /// Whether nobody has asked for it: a change is used when two polls in turn have read it, as one file may be replaced after the other.
    /// </param>
    /// <returns>What is wrong, if the call before did not return the same; otherwise null.</returns>
    public Task<string?> RefreshAsync(bool isPoll)
    {
        if (!HasFiles)
            return Task.FromResult<string?>(null);
        lock (_lock)
            return _refresh = RefreshAfterAsync(_refresh, isPoll);
    }

    private void Use(Dictionary<string, string?> data) => (Data, _sections) = (data, SectionsOf(data.Keys));

    private static ILookup<string, string> SectionsOf(IEnumerable<string> keys)
    {
        return keys.SelectMany(PathsTo).Distinct(StringComparer.OrdinalIgnoreCase)
            .ToLookup(path => ConfigurationPath.GetParentPath(path) ?? "", path => ConfigurationPath.GetSectionKey(path), StringComparer.OrdinalIgnoreCase);

        static IEnumerable<string> PathsTo(string key)
        {
            for (var path = key; path is not null; path = ConfigurationPath.GetParentPath(path))
                yield return path;
        }
    }

    private async Task<string?> RefreshAfterAsync(Task earlier, bool isPoll)
    {
        await earlier.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            var data = await ReadAsync();
            _reported = null;
            var isPending = isPoll && (_polled is null || !IsSame(data, _polled));
            _polled = IsSame(data, Data) ? null : data;
            if (_polled is null || isPending)
                return null;
            _polled = null;
            Use(data);
            OnReload();
            return null;
        }
        catch (Exception error)
        {
            // Also that of a subscriber of the change token: the files are followed all the same.
            _polled = null;
            return error.Message == _reported ? null : _reported = error.Message;
        }
    }

    private static bool IsSame(Dictionary<string, string?> data, IDictionary<string, string?> other) => data.Count == other.Count && !data.Except(other).Any();

    private async Task<Dictionary<string, string?>> ReadAsync()
    {
        // What an earlier read returns after its time limit may be out of date.
        if (_read is { IsCompleted: false })
            throw NotInTime();
        var request = new TaskCompletionSource<Dictionary<string, string?>>(TaskCreationOptions.RunContinuationsAsynchronously);
        _read = request.Task;
        _requests.Add(request);
        try
        {
            return await request.Task.WaitAsync(TimeLimit);
        }
        catch (TimeoutException)
        {
            throw NotInTime();
        }
    }

    private InvalidDataException NotInTime() =>
        new($"the configuration file '{_pathInProgress}' cannot be read: the read has not ended within {TimeLimit.TotalSeconds} s; it may be a FIFO, or on a file system that does not respond.");

    private void AnswerRequests()
    {
        foreach (var request in _requests.GetConsumingEnumerable())
        {
            try
            {
                request.SetResult(ReadAll());
            }
            catch (Exception error)
            {
                request.SetException(error);
            }
        }
    }

    private Dictionary<string, string?> ReadAll()
    {
        var data = new Dictionary<string, string?>(StringComparer.OrdinalIgnoreCase);
        if (_optional is not null)
        {
            _pathInProgress = _optional;
            _isOptionalThere = _isOptionalThere || IsThere(_optional);
        }

        foreach (var path in _isOptionalThere ? [_optional!, .. _paths] : _paths)
        {
            _pathInProgress = path;
            foreach (var (key, value) in Read(path))
                data[key] = value;
        }

        return data;
    }

    // A link that leads nowhere is an error, which the read reports. A working directory that may not be searched, as after sudo, has no file for the server.
    private static bool IsThere(string path)
    {
        try
        {
            _ = File.GetAttributes(path); // lstat(2)
            return true;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static IDictionary<string, string?> Read(string path)
    {
        byte[] json;
        try
        {
            json = File.ReadAllBytes(path);
        }
        catch (Exception error)
        {
            throw new InvalidDataException($"the configuration file '{path}' cannot be read: {error.Message}", error);
        }

        try
        {
            var parser = new JsonParser();
            parser.Load(new MemoryStream(json));
            return parser.Values;
        }
        catch (Exception error)
        {
            // Besides JsonException and FormatException, as for a string that is no Unicode ("\ud800").
            throw new InvalidDataException($"the configuration file '{path}' is not valid: {error.Message}", error);
        }
    }

    // To enumerate a configuration takes the square of its size.
    private sealed class JsonParser() : JsonStreamConfigurationProvider(new JsonStreamConfigurationSource())
    {
        public IDictionary<string, string?> Values => Data;
    }
}
