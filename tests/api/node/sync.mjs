// SPDX-License-Identifier: Apache-2.0
// The SDK for JavaScript's part of examples/sync.py:  sync.mjs make|up|down ENDPOINT BUCKET [PREFIX FOLDER]
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { CreateBucketCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";

const [action, endpoint, Bucket, prefix, folder] = process.argv.slice(2);
const client = new S3Client({ endpoint, forcePathStyle: true });

/** Runs `work` over all items, eight at a time. */
async function each(items, work) {
  const queue = items[Symbol.iterator]();
  await Promise.all(Array.from({ length: 8 }, async () => {
    for (const item of queue) await work(item);
  }));
}

async function up() {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  await each(files, async (path) => {
    const Key = `${prefix}/${relative(folder, path)}`;
    await new Upload({ client, params: { Bucket, Key, Body: createReadStream(path) } }).done();
  });
}

async function down() {
  const keys = [];
  for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix: `${prefix}/` })) {
    keys.push(...(page.Contents ?? []).map((item) => ({ key: item.Key, size: item.Size })));
  }
  await each(keys, async ({ key, size }) => {
    const to = join(folder, key.slice(prefix.length + 1));
    await mkdir(dirname(to), { recursive: true });
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key }));
    await pipeline(Body, createWriteStream(to));
    if ((await stat(to)).size !== size) throw new Error(`${key}: listed with ${size} bytes`);
  });
}

if (action === "make") await client.send(new CreateBucketCommand({ Bucket }));
else await { up, down }[action]();
