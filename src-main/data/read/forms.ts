// The forms that rows come in, as they are told on the page of formats: how a file is laid out, with the same two problems in each that is text.

export interface Form {
  readonly title: string
  /** Usual endings; the content decides, not the name. */
  readonly endings: string
  readonly says: string
  /** A whole file of two problems; null for forms that are not text. */
  readonly example: string | null
}

const lines = (...parts: readonly string[]): string => `${parts.join('\n')}\n`

export const forms: readonly Form[] = [
  {
    title: 'JSON Lines',
    endings: '.jsonl, .ndjson',
    says: 'An object a line. A line that is not JSON is kept aside, and the next one is read.',
    example: lines('{"question": "What is 6 times 7?", "answer": "42"}', '{"question": "What is 6 times 8?", "answer": "48"}'),
  },
  {
    title: 'JSON list',
    endings: '.json',
    says: 'A list of objects, read piece by piece.',
    example: lines('[{"question": "What is 6 times 7?", "answer": "42"},', ' {"question": "What is 6 times 8?", "answer": "48"}]'),
  },
  {
    title: 'JSON, wrapped',
    endings: '.json',
    says: 'An object with the list under a name such as data, rows, examples, samples, results, details, train or test; what stands beside it is named.',
    example: lines(
      '{"version": "1", "data": [',
      '{"question": "What is 6 times 7?", "answer": "42"},',
      '{"question": "What is 6 times 8?", "answer": "48"}]}',
    ),
  },
  {
    title: 'JSON by column',
    endings: '.json',
    says: 'As pandas writes with orient=list or columns, and Hugging Face datasets with to_dict.',
    example: lines('{"question": ["What is 6 times 7?", "What is 6 times 8?"],', ' "answer": ["42", "48"]}'),
  },
  {
    title: 'JSON by row',
    endings: '.json',
    says: 'As pandas writes with orient=index: rows under their numbers or names.',
    example: lines(
      '{"0": {"question": "What is 6 times 7?", "answer": "42"},',
      ' "1": {"question": "What is 6 times 8?", "answer": "48"}}',
    ),
  },
  {
    title: 'JSON, columns and data',
    endings: '.json, .table.json',
    says: 'As pandas writes with orient=split, and W&B its tables.',
    example: lines('{"columns": ["question", "answer"],', ' "data": [["What is 6 times 7?", "42"],', ' ["What is 6 times 8?", "48"]]}'),
  },
  {
    title: 'CSV',
    endings: '.csv, .txt',
    says: 'With a header; comma, semicolon, bar or tab between, whichever fits. Latin-1 and UTF-16 are read. A row with too many or too few fields is kept aside.',
    example: lines('question;answer', '"What is 6 times 7; in digits?";42', 'What is 6 times 8?;48'),
  },
  {
    title: 'CSV that names its delimiter',
    endings: '.csv',
    says: 'A first line sep= says what stands between, as Excel has it.',
    example: lines('sep=^', 'question^answer', 'What is 6 times 7?^42', 'What is 6 times 8?^48'),
  },
  {
    title: 'TSV',
    endings: '.tsv, .tab',
    says: 'With a header and tabs between.',
    example: lines('question\tanswer', 'What is 6 times 7?\t42', 'What is 6 times 8?\t48'),
  },
  {
    title: 'Parquet',
    endings: '.parquet',
    says: 'Row group by row group; what of a damaged one can be read is kept and the rest is named by rows and columns. Snappy, gzip, zstd, LZ4 and Brotli.',
    example: null,
  },
  {
    title: 'Arrow and Feather 2',
    endings: '.arrow, .arrows, .feather, .ipc',
    says: 'Files and streams, batch by batch, plain or packed by LZ4 or zstd; dictionaries, lists, structs, maps, unions, views.',
    example: null,
  },
  {
    title: 'Folders of save_to_disk',
    endings: 'dataset_dict.json, state.json',
    says: 'The Arrow files that each state.json lists, with the splits of dataset_dict.json; what was cached beside them is left out by name.',
    example: null,
  },
  {
    title: 'Dataset repositories of Hugging Face',
    endings: 'README.md',
    says: 'The files of the default configuration in the head of the README, with its splits; files of other configurations are left out by name.',
    example: null,
  },
  {
    title: 'SQLite',
    endings: '.db, .sqlite',
    says: 'The only table, or the one named with --table or chosen on screen. Read and never changed.',
    example: null,
  },
  {
    title: 'Zip and tar',
    endings: '.zip, .tar, .tar.gz, .tgz, .tar.zst, .eval',
    says: 'As the folder that they hold, read in memory: nothing is written. What they may claim is bounded; zip64 is read.',
    example: null,
  },
  {
    title: 'gzip and zstd',
    endings: '.gz, .zst',
    says: 'Any of the text forms, Parquet and Arrow; several members or frames are one text, and one that is cut off gives what came before.',
    example: null,
  },
]
