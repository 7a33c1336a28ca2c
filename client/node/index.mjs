import client from './index.js';

export const { Client, InvalidRequest, NoAnswer } = client;
